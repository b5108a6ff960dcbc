"""The `check` step: says everything that a dataset is not; values are quoted only where rows are asked for."""

from firn_runtime.engine import Relation, select
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_runtime.step import StepContext, StepResult
from firn_runtime.steps.check_rules import Data, Measure, measures_of, refuse_unknown_columns
from firn_runtime.steps.check_samples import Samples
from firn_schemas.base import Json
from firn_schemas.steps.checks import CheckInputs, Expectation


def check(inputs: CheckInputs, context: StepContext) -> StepResult:
    """Try every expectation; broken ones are one error, or with severity `warn` one warning each."""
    data = Data(inputs.from_, context.session.columns(inputs.from_), context.session, context.started_at)
    refuse_unknown_columns(inputs.expectations, data)
    samples = Samples(inputs.sample, context)
    broken = _broken(inputs, data, samples)
    failed = sum(1 for found in broken if found)
    sentences = tuple(sentence for found in broken for sentence in found)
    if failed and inputs.severity == "fail":
        raise ConnectorError("data", f"`{inputs.from_}` is not as expected: " + "; ".join(sentences))
    results: dict[str, Json] = {"passed": len(broken) - failed, "failed": failed, "samples": samples.taken}
    return StepResult(results=results, warnings=sentences)


def _broken(inputs: CheckInputs, data: Data, samples: Samples) -> list[list[str]]:
    """Return the sentences of each expectation: one scan answers all aggregates, one query each the others."""
    measures = [measures_of(expectation, data) for expectation in inputs.expectations]
    numbers = iter(_scan(data, [one for group in measures for one in group]))
    found: list[list[str]] = []
    for group, expectation in zip(measures, inputs.expectations, strict=True):
        sentences = [
            samples.beside(sentence, measure.breaking, measure.columns, data.name)
            for measure in group
            if (sentence := measure.verdict(next(numbers)))
        ]
        found.append(sentences + _of_sql(expectation, data, samples))
    return found


def _scan(data: Data, measures: list[Measure]) -> tuple[object, ...]:
    """Measure everything in one scan; where that fails, only each by itself says which column it is about."""
    try:
        return _measured(data, measures)
    except ConnectorError as error:
        if error.error_class == "data":
            for measure in measures:
                _refuse_unmeasured(data, measure)
        raise


def _refuse_unmeasured(data: Data, measure: Measure) -> None:
    try:
        _measured(data, [measure])
    except ConnectorError as error:
        about = "".join(f"`{name}` is {data.column(name)}: " for name in measure.columns)
        raise ConnectorError("data", about + error.message, error.help) from None


def _measured(data: Data, measures: list[Measure]) -> tuple[object, ...]:
    if not measures:
        return ()
    aggregates = ", ".join(["count(*)", *(measure.aggregate for measure in measures)])
    params = [value for measure in measures for value in measure.params]
    return data.session.execute(f"select {aggregates} from {identifier(data.name)}", params)[0][1:]


def _of_sql(expectation: Expectation, data: Data, samples: Samples) -> list[str]:
    """One row of one boolean column is the answer; any other result is the rows that break the rule."""
    if expectation.sql is None:
        return []
    source = select(expectation.sql)
    if list(data.session.described(Relation(source)).values()) == ["BOOLEAN"]:
        rows = data.session.execute(f"select * from {source} limit 2")
        if len(rows) == 1:
            return [] if rows[0][0] else ["the rule of `sql` does not hold"]
    count = data.session.execute(f"select count(*) from {source}")[0][0]
    if not count:
        return []
    sentence = f"{'1 row breaks' if count == 1 else f'{count} rows break'} the rule of `sql`"
    return [samples.beside(sentence, Relation(f"select * from {source}"))]
