"""`mercately-relay migrate`."""

import click
from redis import RedisError

from config.language import localized
from relay.cli import context as cli
from relay.cli.terminal import say
from relay.store.conversion import Report, WorkersAlive
from relay.store.migrations import migrate as migrate_redis
from relay.store.pseudonyms import Pseudonyms
from relay.store.schema import SCHEMA, SchemaMismatch

_PROGRESS_EVERY = 50_000


@click.command(
    help=localized(
        "Convierte lo que una versión anterior dejó en Redis. Detenga antes web y workers.",
        "Converts what an earlier version has left in Redis. Stop web and workers first.",
    )
)
@click.option(
    "--dry-run", is_flag=True, help=localized("Solo contar, sin escribir.", "Count, write nothing.")
)
@click.option(
    "--again",
    is_flag=True,
    help=localized(
        "Repetir toda la conversión: una web anterior seguía aceptando, o se reparó algo.",
        "Repeat the whole conversion: an earlier web went on accepting, or something was mended.",
    ),
)
@click.pass_context
def migrate(context: click.Context, *, dry_run: bool, again: bool) -> None:
    """Exits 1 where something could not be converted."""
    settings = cli.settings(context)
    store = cli.store(settings, any_schema=True)
    # Without them the digests would be of no key that web and worker have.
    destinations = cli.relay(settings).destinations
    printed = 0

    def progress(keys: int) -> None:
        nonlocal printed
        if keys - printed >= _PROGRESS_EVERY:
            printed = keys
            say(localized(f"{keys} claves leídas", f"{keys} keys read"), err=True)

    try:
        report = migrate_redis(
            store.redis,
            store.queue,
            Pseudonyms.open(settings, destinations),
            dry_run=dry_run,
            again=again,
            progress=progress,
        )
    except (SchemaMismatch, WorkersAlive) as error:
        raise click.ClickException(str(error)) from error
    except RedisError as error:
        sentence = localized(
            "se interrumpió; ejecútelo de nuevo", "it was interrupted; run it again"
        )
        raise click.ClickException(f"{type(error).__name__}: {sentence}") from error
    _print(report, dry_run=dry_run)
    context.exit(1 if report.failed else 0)


def _print(report: Report, *, dry_run: bool) -> None:
    if report.schema in ("", str(SCHEMA)) and not report.keys_read:
        sentence = localized(
            f"Redis ya está en el formato {SCHEMA}.", f"Redis is in format {SCHEMA} already."
        )
        say(sentence)
        return
    heading = localized("se convertiría", "would be converted") if dry_run else localized(
        "convertido", "converted"
    )  # fmt: skip
    say(f"{localized('formato', 'format')} {report.schema} -> {SCHEMA}, {heading}:")
    for kind, count in sorted(report.converted.items()):
        say(f"{kind}: {count}")
    for key, reason in report.failures:
        say(f"{localized('sin convertir', 'not converted')}: {key}: {reason}")
    if report.failed:
        say(
            localized(
                f"{report.failed} sin convertir, quedan como estaban. Tras repararlos o borrarlos: "
                "mercately-relay migrate --again",
                f"{report.failed} not converted, left as they were. After mending or deleting "
                "them: mercately-relay migrate --again",
            )
        )
