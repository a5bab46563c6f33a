"""What AWS costs: the list prices are those of the table in Instructions.md, and nowhere else.

They are eu-west-1's, in US dollars, without tax and without an account's free plan.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from kit.running import REPOSITORY

MONTH = 730  # hours, as AWS's calculator has it
VOLUME = 8  # GB, the size of the instance's
# Of a photo: three requests of Firehose's multipart upload and one of the function that stores it.
PUTS, GETS = 4, 3


@cache
def prices() -> dict[str, Decimal]:
    """The price of one of each: name → US dollars."""
    text = (REPOSITORY / "Instructions.md").read_text(encoding="utf-8")
    rows = text[text.index("| Price of") :].split("\n\n")[0].splitlines()[2:]
    found = {}
    for row in rows:
        name, per, dollars = (cell.strip() for cell in row.strip("|").split(" | "))
        count = re.match(r"[\d,]+", per)  # such as 1,000 requests; an hour has none
        found[name] = Decimal(dollars) / int(count[0].replace(",", "") if count else 1)
    return found


def price(name: str) -> Decimal:
    """A price of the table, for one."""
    return prices()[name]


def stack_hour() -> Decimal:
    """What the stack costs in an hour, whatever it does."""
    monthly = VOLUME * price("EBS volume gp3") + price("Secret in Secrets Manager")
    return price("EC2 instance t3.micro") + price("Public IPv4 address") + monthly / MONTH


def photo() -> dict[str, Decimal]:
    """What AWS bills for a photo that matches, with a second of each function: by service."""
    return {
        "Rekognition": price("Rekognition CompareFaces"),
        "Firehose": Decimal("0.000005") * price("Data Firehose, records rounded up to 5 KB"),
        "S3": PUTS * price("S3 PUT") + GETS * price("S3 GET"),
        "Lambda": 2 * price("Lambda requests") + Decimal("0.75") * price("Lambda time"),
        "DynamoDB": 2 * price("DynamoDB write") + price("DynamoDB read"),
        "SNS": price("SNS e-mail"),
    }
