# The workbook's commands. `make help` lists them. Works with GNU make 3.81 and later; wants python3 and nothing else.
# Whatever is asked for, .venv comes first: it is made once from requirements.lock, where every package has a hash.

PYTHON ?= python3
DATA ?= data/sample
MONTH ?= latest
STORES ?= all
JOBS ?=
OUT ?= reports
DASK ?=
ENGINE ?=
FILE ?=
SIZE ?=
ONLY ?=
DRY ?=

# A value reaches its program as it was typed, through the environment: nothing in it is run by make or by the shell.
override PYTHON := $(value PYTHON)
override DATA := $(value DATA)
override MONTH := $(value MONTH)
override STORES := $(value STORES)
override JOBS := $(value JOBS)
override OUT := $(value OUT)
override DASK := $(value DASK)
override ENGINE := $(value ENGINE)
override FILE := $(value FILE)
override SIZE := $(value SIZE)
override ONLY := $(value ONLY)
override DRY := $(value DRY)
export PYTHON DATA MONTH STORES JOBS OUT DASK ENGINE FILE SIZE ONLY DRY
MAKEOVERRIDES :=

# Modules are compiled when they are first imported, and kept: four seconds once, where compiling every file would take twenty.
export PYTHONDONTWRITEBYTECODE :=

SHELL := /bin/sh
READY := .venv/ready
UV := .venv/bin/python -m uv --quiet

# A finished .venv knows where it was made. In a checkout that was moved, or whose Python is gone, it is made anew.
FORGET := $(shell test -x .venv/bin/python && test "$$(cat $(READY) 2>/dev/null)" = "$$(pwd -P)" || rm -f $(READY))

# Recipes `exec` what they run: make passes SIGTERM on to its child, and a shell in between would keep it to itself.
.PHONY: help report alerts test import lab notebooks sample bench lock clean
.DEFAULT_GOAL := help

help:  ## list the commands
	@echo 'make COMMAND, where COMMAND is one of'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-11s%s\n", $$1, $$2 }' Makefile
	@echo 'The first one also sets up .venv (once). With another Python: make PYTHON=python3.12 COMMAND'

report: $(READY)  ## a month of a company: make report [DATA=folder] [MONTH=2025-12] [STORES=all|company|a,b] [JOBS=n] [OUT=reports] [DASK=tcp://host:8786] [ENGINE=spark]
	@exec .venv/bin/python -m helpers.batch --data="$$DATA" --month="$$MONTH" --stores="$$STORES" --jobs="$$JOBS" --out="$$OUT" --dask="$$DASK"

alerts: $(READY)  ## tell people what is new or worse on the newest day: make alerts DATA=folder [OUT=reports] [DRY=yes to print it only]
	@exec .venv/bin/python -m helpers.alerts --data="$$DATA" --out="$$OUT" --dry="$$DRY"

test: $(READY)  ## every check: style, unit and property tests, doctests, every stored notebook run again and compared
	@exec .venv/bin/python -m ruff check --quiet .
	@JUPYTER_DEFAULT_PROVISIONER_NAME=warm-fork exec .venv/bin/python -m pytest -q -n 2 --dist loadscope --nbval tests helpers notebooks

import: $(READY)  ## look at files of unknown shape and propose how to read them: make import DATA=folder [FILE=raw/orders.xlsx]
	@exec .venv/bin/python -m helpers.propose --data="$$DATA" --file="$$FILE"

lab: $(READY)  ## open JupyterLab on the notebooks
	@exec .venv/bin/python -m jupyterlab notebooks $$(test "$$(id -u)" != 0 || echo --allow-root)

notebooks: $(READY)  ## run the notebooks again on the sample company and store them in their normal form, and METRICS.md
	@exec .venv/bin/python -m helpers.notebooks
	@exec .venv/bin/python -m helpers.metrics

sample: $(READY)  ## write data/sample and the examples of exports in data/exports again from their generator
	@exec .venv/bin/python -m helpers.sample
	@exec .venv/bin/python -m helpers.sample_exports

bench: $(READY)  ## measure the batch, the data and the reading of exports beside what else there is: make bench [SIZE=1000000] [ONLY=batch|data|exports|many]
	@exec .venv/bin/python -m bench $${SIZE:+--size="$$SIZE"} $${ONLY:+--only="$$ONLY"}

lock: $(READY)  ## pin the newest packages that pyproject.toml allows
	@$(UV) pip compile pyproject.toml --group test --group setup --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' --output-file requirements.lock

clean:  ## remove what can be made again: .venv, prepared data, caches (reports stay)
	@rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A .venv that an interrupted run left half-made has no stamp: it is thrown away and made anew.
$(READY): requirements.lock pyproject.toml
	@"$$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
		{ echo "The workbook needs Python 3.11, 3.12 or 3.13, and \"$$PYTHON\" is not one: name one with make PYTHON=python3.12" >&2; exit 1; }
	@echo 'Setting up .venv, once: about half a minute and 200 MB to download ...'
	@test -f $@ || { rm -rf .venv && "$$PYTHON" -m venv .venv; }
	@rm -f $@
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@.venv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --no-deps -r .venv/uv.lock
	@$(UV) pip sync --python .venv/bin/python --require-hashes requirements.lock
	@$(UV) pip install --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@pwd -P > $@
