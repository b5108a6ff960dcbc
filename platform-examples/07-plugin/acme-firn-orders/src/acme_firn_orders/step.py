"""What the mainframe's people compare with their own books."""

from decimal import Decimal

from firn_runtime.api import StepResult


def totals(inputs, context):
    """Count the orders of a dataset and add up their amounts, to the cent."""
    amounts = [Decimal(row["amount"]) for row in context.rows(inputs.from_)]
    results = {"orders": len(amounts), "amount": str(sum(amounts))}
    return StepResult(results=results, rows=len(amounts), no_data=not amounts)
