"""The table of currencies in `schemas`, from ISO 4217's list as a package has it."""

PATH = "schemas/currencies.py"
HEADER = '''"""Decimals of the currencies of ISO 4217's list one that have any. Written by `cxgauge generate`, do not edit."""

EXPONENTS = {
'''


def documents() -> dict[str, bytes]:
    """Return the content of the file, by its path from the root of the repository."""
    from iso4217 import Currency  # noqa: PLC0415 - of the extra for development

    exponents = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
    lines = (f'    "{code}": {exponents[code]},\n' for code in sorted(exponents))
    return {PATH: f"{HEADER}{''.join(lines)}}}\n".encode()}
