"""Steps that start programs: `run_process`, `dbt`, `python`."""

from typing import Literal

from firn_schemas.base import Json, doc, record
from firn_schemas.form import Form
from firn_schemas.steps import StepType

LOADING = Form(
    r"PATH|LD_\w*|DYLD_\w*|GCONV_PATH|GLIBC_TUNABLES"  # the system's
    r"|HOME|XDG_\w*"  # where a user keeps settings, Python modules too
    r"|OPENSSL_\w*|SASL_PATH|KRB5_CONFIG|ODBC\w*|LIBMYSQL_PLUGIN\w*|G(?:TK|IO|DK)_\w*|QT_\w*"  # libraries'
    r"|AWS_(?:CONFIG|SHARED_CREDENTIALS)_FILE|KUBECONFIG"  # settings in which a library finds a command for credentials
    r"|SHELL|EDITOR|VISUAL|PAGER|BROWSER|SSH_ASKPASS|GIT_\w*|TCL\w*"  # what many programs start
    r"|ENV|BASH_ENV|BASH_FUNC_\S*|SHELLOPTS|BASHOPTS|PS4|ZDOTDIR"  # shells'
    r"|PYTHON(?:PATH|HOME|STARTUP|USERBASE|WARNINGS|BREAKPOINT|PLATLIBDIR|PYCACHEPREFIX|EXECUTABLE)"
    r"|PERL5?(?:LIB|OPT|DB)|RUBY(?:LIB|OPT)|GEM_(?:HOME|PATH)|BUNDLE_\w*|NODE_(?:PATH|OPTIONS)|BUN_OPTIONS"
    r"|CLASSPATH|JAVA_(?:HOME|OPTS|TOOL_OPTIONS)|_JAVA_OPTIONS|JDK_JAVA_OPTIONS"
    r"|DOTNET_\w*|COR(?:ECLR)?_\w*|COMPlus_\w*|PHPRC|PHP_INI_SCAN_DIR|LUA_(?:INIT|PATH|CPATH)\w*"
    r"|R_(?:HOME|LIBS|PROFILE|ENVIRON)\w*|JULIA_\w*|ERL_\w*|GUILE_\w*",
    "says which code a program loads: a step does not set it",
)
"""Variables that name code, or a folder with code, for a program, its interpreter or a library of many programs."""


@record
class Success:
    """What a program must have done to have succeeded."""

    exit_codes: list[int] = doc("Exit codes that are a success.", default_factory=lambda: [0])
    require_files: list[str] | None = doc(
        "Files that must be there afterwards, from its folder.", default=None, inside=True
    )
    forbid_files: list[str] | None = doc(
        "Files that must not be there afterwards, from its folder.", default=None, inside=True
    )
    marker: str | None = doc("Text that one of its outputs must hold, also where it is not kept.", default=None)


@record
class Idempotency:
    """How a program that already ran is recognised."""

    strategy: Literal["none", "marker", "output_dir"] = doc("By nothing, a marker file, or the output's folder.")
    marker_path: str | None = doc("The marker file, from the program's folder.", default=None, place=True, inside=True)
    output_dir: str | None = doc(
        "The folder of the output, from the program's folder.", default=None, place=True, inside=True
    )


@record
class RunProcessInputs:
    """Starts a program and waits for it."""

    resource: str = doc("The process connector; it says which programs are allowed.")
    command: list[str | int | float] = doc(
        "The program and its arguments; there is no shell.", examples=[["dbt", "run"]], arguments=True
    )
    env: dict[str, str] = doc("Environment variables beside the connector's own.", default_factory=dict)
    cwd: str | None = doc("Where it is started, from the connector's folder.", default=None, place=True)
    timeout: float | None = doc("Seconds after which it is stopped.", default=None, minimum=0)
    success: Success | None = doc("What counts as success; absent: exit code 0.", default=None)
    idempotency: Idempotency | None = doc("How a program that already ran is recognised.", default=None)


@record
class DbtInputs:
    """Runs a dbt project on the flow's compute."""

    path: str = doc("The project's folder, beside the flow; every file of it is pinned by digest.", examples=["./dbt"])
    target: str | None = doc("dbt's target.", default=None)
    select: str | list[str] | None = doc("dbt's node selection.", default=None)
    command: Literal["build", "run", "test", "seed", "snapshot"] = doc("What dbt is asked to do.", default="build")


@record
class PythonInputs:
    """Calls a function of a plug-in that the platform allows."""

    callable: str = doc("The function, as `module:function`.", examples=["acme_steps.scoring:score"])
    args: dict[str, Json] = doc("Its arguments, by name.", default_factory=dict)


ROWS: dict[str, StepType] = {
    "dbt": StepType(inputs=DbtInputs, results={"models": "integer", "passed": "integer", "failed": "integer"}),
    "python": StepType(inputs=PythonInputs, results={"*": "any"}),
    "run_process": StepType(
        inputs=RunProcessInputs,
        results={"exit_code": "integer", "stdout": "string", "stderr": "string"},
        kind="process",
        repeatable=False,
        key_makes_repeatable="idempotency",
    ),
}
