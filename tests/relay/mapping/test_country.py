"""Countries in codes and words."""

from cases import all_of
from hypothesis import given, strategies as st
from phonenumbers import SUPPORTED_REGIONS

from relay.mapping.country import iso2

WRITTEN = {
    "EC": ["EC", "ec", " ec ", "ECU", "Ecuador", "ECUADOR", "República del Ecuador", "218", "593",
           "EC-P"],
    "CO": ["COL", "col", "Colombia", "colômbia", "Republic of Colombia", "the Republic of Colombia",
           "Colombia (+57)", "Colombia +57", "+57", "+ 57", "CO - Colombia", "Colombia - CO",
           "Cali, Colombia", "Bogotá, COL", "57", "(+57)", "0057", "00 57", "(57)", "CO (+57)", "CO +57",
           "co(+57)", "es-CO", "es_CO", "es-co", "en-CO", "CO-DC", "co-bol", "COL-Colombia", "Colombia \U0001f1e8\U0001f1f4", "\U0001f1e8\U0001f1f4"],
    "MX": ["MEX", "México", "mexico", "Mexico ", "MÉXICO", "Estados Unidos Mexicanos", "Méjico", "MX-CMX",
           "Ciudad de México, México", "Edo. de México", "Cd. de México"],
    "CL": ["chile", "CHL", "Chile", "Santiago de Chile"],
    "PE": ["Perú", "PERU", "peru", "PER"],
    "AR": ["Argentina", "ARG", "República Argentina", "ARGENTINA", "la República Argentina",
           "República de la Argentina"],
    "BR": ["Brasil", "Brazil", "BRA", "República Federativa do Brasil",
           "pt-BR", "pt_br"],
    "US": ["USA", "EE. UU.", "EE.UU.", "EEUU", "Estados Unidos", "United States",
           "United States of America", "Estados Unidos de América", "EUA", "U.S.A.",
           "Georgia, USA", "+1", "(+1)", "US +1", "U.S.", "en-US", "estadosunidos"],
    "DO": ["República Dominicana", "Dominican Republic", "Rep. Dominicana", "DOM",
           "Santo Domingo", "R.D.", "R. Dominicana", "Rep. Dom.", "Dominican Rep.", "DO (+1)",
           "republicadominicana"],
    "CR": ["Costa Rica", "costarica", "CostaRica", "506"],
    "VE": ["Venezuela", "VEN", "Venezuela, República Bolivariana de",
           "República Bolivariana de Venezuela"],
    "BO": ["Bolivia", "BOL", "Bolivia (Plurinational State of)", "Estado Plurinacional de Bolivia",
           "El Estado Plurinacional de Bolivia"],
    "UY": ["Uruguay", "República Oriental del Uruguay"],
    "NI": ["Nicaragua", "República da Nicarágua"],
    "PR": ["Puerto Rico", "Commonwealth of Puerto Rico"],
    "QA": ["Catar", "State of Qatar"],
    "PA": ["Panamá", "panama", "591"],  # by number; its calling code is 507
    "GB": ["UK", "United Kingdom", "Reino Unido", "Inglaterra", "England", "Great Britain",
           "Gran Bretaña", "GBR"],
    "NL": ["Países Bajos", "Holanda", "Holland"],
    "ES": ["España", "Spain", "Espanha", "ESP"],
    "": ["", "  ", "XX", "Narnia", "Latinoamérica", "419", "001", "World", "Mundo", "+999", "0", "1",
         "00", "Denver, CO", "Nuevo México", "Cali de", "es-419", "US (+57)", "DD", "SUN"],  # those that are no more
}  # fmt: skip


@all_of(("text", "code"), [(text, code) for code, texts in WRITTEN.items() for text in texts])
def test_country_is_understood(text, code):
    assert iso2(text) == code


@given(st.text(max_size=30))
def test_any_text_is_a_country_or_none(text):
    assert iso2(text) in {"", *SUPPORTED_REGIONS}
