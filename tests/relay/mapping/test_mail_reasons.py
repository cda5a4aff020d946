"""Why an e-mail did not arrive: known reasons in words, a server's text as it is."""

from cases import all_of

from relay.mapping.mail_reasons import mail_reason


@all_of(
    ("fields", "text", "server_text"),
    [
        # The reasons of SendGrid's `dropped`.
        ({"reason": "Bounced Address"}, "la dirección ya había rebotado", ""),
        ({"reason": "Unsubscribed Address"}, "la persona se había dado de baja", ""),
        ({"reason": "Spam Reporting Address"}, "la persona había marcado correos como spam", ""),
        ({"reason": "Invalid"}, "la dirección no es válida", ""),
        ({"reason": "Invalid SMTPAPI header"}, "el correo estaba mal armado", ""),
        ({"reason": "Spam Content (if Spam Checker app is enabled)"}, "su contenido parece spam", ""),
        ({"reason": "Spam Content"}, "su contenido parece spam", ""),
        ({"reason": "Recipient List over Package Quota"}, "se agotó el límite de envíos del plan", ""),
        ({"reason": " bounced address "}, "la dirección ya había rebotado", ""),
        # Codes of mail servers, in a field or in the text.
        ({"reason": "550 5.1.1 User unknown"}, "la dirección no existe", "550 5.1.1 User unknown"),
        ({"reason": "Nobody here", "status": "5.1.1"}, "la dirección no existe", "Nobody here"),
        ({"status": "4.2.2"}, "el buzón está lleno", ""),
        ({"reason": "452 mailbox full"}, "el buzón está lleno", "452 mailbox full"),
        ({"reason": "see 15.1.1 and 5.1.1.2"}, "", "see 15.1.1 and 5.1.1.2"),
        ({"reason": "550 5.7.1 refused", "classification": "Reputation"},
         "el servidor desconfía del remitente", "550 5.7.1 refused"),
        ({"classification": "Invalid Address"}, "la dirección no existe", ""),
        ({"bounce_type": "MailboxFull", "reason": "over"}, "el buzón está lleno", "over"),
        ({"bounce_type": "General"}, "", ""),
        # The words of Mandrill.
        ({"reason": "hard-bounce"}, "la dirección ya había rebotado", ""),
        ({"reason": "spam"}, "la persona había marcado correos como spam", ""),
        ({"bounce_type": "bad_mailbox", "reason": "smtp; 550"}, "la dirección no existe", "550"),
        ({"reason": "5.0.0 other", "status": "5.0.0"}, "", "5.0.0 other"),
        # The words of Mailjet, Mailgun, Resend, Amazon SES, MailerSend and Postmark.
        ({"reason": "preblocked"}, "la dirección ya había rebotado", ""),
        ({"reason": "User unknown"}, "la dirección no existe", ""),
        ({"reason": "suppress-complaint"}, "la persona había marcado correos como spam", ""),
        ({"reason": "reached_daily_quota"}, "se agotó el límite de envíos del plan", ""),
        ({"reason": "Bad content"}, "no se aceptó su contenido", ""),
        ({"reason": "NO_LONGER_WANT"}, "ya no quiere recibirlos", ""),
        ({"reason": "SOME_OTHER_CODE"}, "", "some other code"),
        (
            {"reason": "The recipient's email provider sent a hard bounce message, but didn't specify"},
            "el servidor no lo aceptó", "",
        ),
        (
            {"reason": "The server was unable to deliver your message (ex: unknown user, mailbox not found)."},
            "el buzón no está disponible", "",
        ),
        # What servers say without a code.
        ({"reason": "No Such User Here"}, "la dirección no existe", "No Such User Here"),
        ({"reason": "500 unknown recipient"}, "la dirección no existe", "500 unknown recipient"),
        ({"reason": "The mailbox does not exist"}, "la dirección no existe", "The mailbox does not exist"),
        ({"reason": "550 mailbox unavailable"}, "el buzón no está disponible", "550 mailbox unavailable"),
        (
            {"reason": "Host or domain name not found"},
            "el dominio de la dirección no existe", "Host or domain name not found",
        ),
        ({"reason": "553 sender domain not found"}, "", "553 sender domain not found"),
        ({"reason": "554 relay access denied"}, "", "554 relay access denied"),
        ({}, "", ""),
        ({"reason": None, "status": 5, "classification": []}, "", ""),
    ],
)  # fmt: skip
def test_known_reason_is_in_words_and_the_servers_text_as_it_is(fields, text, server_text):
    assert mail_reason(fields, "es") == {"reason_text": text, "server_text": server_text}
    english = mail_reason(fields, "en")
    assert english["server_text"] == server_text
    assert bool(english["reason_text"]) == bool(text)
    assert not text or english["reason_text"] != text
