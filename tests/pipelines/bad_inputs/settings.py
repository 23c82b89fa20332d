"""Parameters and globals that are wrong."""

from __future__ import annotations

from tests.pipelines.bad_inputs.case import Case

GLOBALS = "test/globals.yml"
N_BOOT = "n_boot: 200"
MODEL = "models.mini_gpt2_s"


def given(name: str, value: str, *words: str) -> Case:
    """A run-time parameter with its words; the message names the parameter."""
    return Case(f"{name}={value}", (name, *words), params=(f"{name}={value}",))


def global_(line: str, instead: str, *words: str) -> Case:
    """A line of globals.yml that reads otherwise."""
    return Case(f"globals: {instead}", words, edits=((GLOBALS, line, instead),))


PARAMETERS = (
    given("foo", "1", "no such parameter"),
    Case("a block misspelt", ("scna: there is no such parameter", "'scan'"), ("scna.draws=2",)),
    given("data_root", "/tmp/x", "Set it in globals.yml"),
    given("scan.drawz", "2", "no such setting", "'draws'"),
    given("tasks.ioi.repaet", "first", "no such setting", "'repeat'"),
    given(f"{MODEL}.famly", "x", "no such setting", "'family'"),
    given("retrieval.asks.lenghts", "3", "no such setting", "'lengths'"),
    given("classify.tau", "-1", "above 0"),
    given("classify.tau", "big", "number"),
    given("classify.n_boot", "10", "greater than or equal to 200"),
    given("scan", "3", "dictionary"),
    given("scan.primary.ablation", "medan", "'zero', 'mean' or 'resample'"),
    given("scan.precision", "fp8", "'float32', 'tf32' or 'bf16'"),
    given("scan.chunk", "-4", "greater than 0"),
    given("scan.max_memory", "plenty", "unit"),
    given("scan.seed", "-1", "greater than or equal to 0"),
    given("masking.random_ks", "some", "'all' or 'largest'"),
    given("retrieval.asks.test_share", "1.5", "less than 1"),
    given("import.on_suspect", "hope", "'stop' or 'keep'"),
    given("scaling.n_splits", "null", "integer"),
)
WORK = (
    given("prompts.n_prompts", "40000000", "at most 20,000", "memory"),
    given("prompts.data_seeds", "1000000", "at most 1,000"),
    given("tasks.ioi.n_prompts", "1000000", "at most 20,000"),
    given("tasks.plain_text.length", "1000000", "at most 10,000"),
    given("scan.draws", "1000000", "at most 100"),
    Case(
        "draws times prompts",
        ("scan.draws", "1,000,000 runs of the model", "at most 200,000"),
        params=("scan.draws=100,prompts.n_prompts=10000",),
    ),
    given("classify.n_boot", "10000000", "at most 50,000"),
    given("scaling.n_boot", "10000000", "at most 50,000"),
    given("scaling.n_permutations", "100000000", "at most 1,000,000"),
    given("scaling.n_splits", "10000000", "at most 50,000"),
    given("scaling.depth_bins", "10000000", "at most 1,000"),
    given("transfer.n_null", "100000000", "at most 1,000,000"),
    given("causal.n_permutations", "100000000", "at most 1,000,000"),
    given("ablation.n_random", "1000000", "at most 10,000"),
    given("masking.n_random", "1000000", "at most 10,000"),
    given("comparison.n_boot", "1000000", "at most 50,000"),
    given("retrieval.max_new_tokens", "1000000", "at most 1,000"),
    given("zoo.steps", "1000000000", "at most 1,000,000"),
    given("zoo_readers.n_filings", "1000000000", "at most 1,000,000"),
)
NAMES = (
    given("scan.bos_task", "iio", "no task that is scanned 'iio'", "'ioi'"),
    Case(
        "agreement tasks",
        ("scan.agreement_tasks: there is no task that is scanned 'iio'", "'ioi'"),
        edits=(("base/parameters_scan.yml", "agreement_tasks: [ioi,", "agreement_tasks: [iio,"),),
    ),
    Case(
        "a column fed by a task without an answer",
        ("join: there is no task", "'plain_text'"),
        ("join.ioi=plain_text",),
    ),
    Case(
        "ablated on a task that is not there",
        ("ablation.tasks: there is no task 'iio'", "'ioi'"),
        edits=(("base/parameters_ablation.yml", "tasks: [ioi,", "tasks: [iio,"),),
    ),
    Case(
        "ablated on a task without an answer",
        ("ablation.tasks: 'plain_text' has no answer", "controls"),
        edits=(("base/parameters_ablation.yml", "tasks: [ioi,", "tasks: [plain_text,"),),
    ),
    Case(
        "a control that is not there",
        ("ablation.controls: there is no task 'ioi_abd'", "'ioi_abc'"),
        edits=(("base/parameters_ablation.yml", "controls: [ioi_abc,", "controls: [ioi_abd,"),),
    ),
    Case(
        "a file of prompts that is not there",
        ("tasks.ioi.build: there is no file prompts/tasks/nmaes.py",),
        params=("tasks.ioi.build=nmaes", "tasks.ioi_abc.build=nmaes"),
    ),
    Case(
        "a reference that is not there",
        ("tasks: task 'ioi' names the reference 'nothing'",),
        ("tasks.ioi.reference=nothing",),
    ),
    Case(
        "an objective that is no task",
        (f"{MODEL}.objectives: there is no task 'iio'", "'ioi'"),
        (f"{MODEL}.objectives.iio=learn",),
    ),
    Case(
        "rows of a task that is not there",
        ("zoo.rows: there is no task 'iio'", "'ioi'"),
        ("zoo.rows.iio=0.1",),
    ),
)
MODELS = (
    given("models", "3", "dictionary"),
    given(f"{MODEL}.family", "''", "1 to 80 characters"),
    given(f"{MODEL}.family", "a/b", "names of files"),
    Case("a size without end", (f"{MODEL}.params_m", "number"), (f"{MODEL}.params_m=.inf",)),
    given(f"{MODEL}.params_m", "1e300", "at most 1,000,000,000"),
    given(f"{MODEL}.n_layers", "0", "greater than 0"),
    given(f"{MODEL}.n_heads", "1000000", "at most 2,000"),
    given(f"{MODEL}.device", "gpu", "no device", "auto"),
    Case(
        "no such GPU",
        ("'mini_gpt2_s': the device 'cuda:99' is not there",),
        params=(f"{MODEL}.device='cuda:99'",),
    ),
    Case(
        "a folder for a hub id",
        (f"{MODEL}.hub: './mine' is no hub id", "given as 'folder'"),
        params=(f"{MODEL}.hub=./mine,{MODEL}.folder=null",),
    ),
    Case(
        "a hub id that is a folder here",
        ("'data' is a hub id, and a file or folder of that name",),
        params=(f"{MODEL}.hub=data,{MODEL}.folder=null",),
    ),
    Case("two sources", (MODEL, "exactly one of"), params=(f"{MODEL}.hub=gpt2",)),
    Case(
        "an option of models that are not there",
        ("There is no model gpt9 to leave out", "mini_gpt2_s"),
        options=("--without", "gpt9"),
    ),
)
PLACES = (
    *(
        global_("data_root: ${oc.env:CIRCUIT_SCALING_TEST_DATA,data/test}", f"data_root: {to}", *w)
        for to, *w in (
            ("..", "data_root", "'..'"),
            ("data/../../x", "data_root", "'..'"),
            ("''", "data_root", "no path"),
            ("null", "data_root", "no path: None"),
            (".", "data_root", "the project itself"),
            ("/", "data_root", "lies above it"),
            ("src/data", "data_root", "project's own files"),
            ("README.md", "data_root", "is a file"),
            ("~/data", "data_root", "called '~'"),
        )
    ),
    global_("zoo_root: data/01_raw/zoo", "zoo_root: ../zoo", "zoo_root", "'..'"),
    Case(
        "filings that are not there",
        ("filings_root: there is no file", "no/such/truth.csv"),
        edits=((GLOBALS, "filings_root: data/01_raw/filings/short", "filings_root: no/such"),),
        pipelines="retrieval_detect",
    ),
    Case(
        "a haystack that is not there",
        ("haystack: there is no file", "no_such.txt"),
        edits=((GLOBALS, "needles/haystack.txt", "needles/no_such.txt"),),
        pipelines="retrieval_detect",
    ),
    global_(N_BOOT, "n_boots: 200", "n_boots: nothing asks for it", "'n_boot'"),
    global_("roster: test", "roster: tset", "'_rosters.tset' not found"),
    global_(N_BOOT, f"{N_BOOT}\ndefault_pipelines: [scan, scn]", "'scn'. There are: scan, join"),
)
SETTINGS = (*PARAMETERS, *WORK, *NAMES, *MODELS, *PLACES)
