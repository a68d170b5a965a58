# Velatura: `make demo` paints a photograph, `make test` runs the tests, `make help` lists the rest.

VENV   := .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(VENV)/bin/pip install --disable-pip-version-check $(PIP_FLAGS)
STYLE  ?= starry-night
PHOTO  ?= models/velatura_models/training/photos/coffee.jpg
OUT    ?= out
CATALOGUES := $(wildcard shared_protocol/velatura/editor/po/*.po)
QUICK  := $(wildcard tests/test_*.py tests/protocol tests/editor tests/krita tests/install) \
          $(addprefix tests/daemon/test_,blobs.py orders.py scheduler.py settings.py)

.DEFAULT_GOAL := help
.PHONY: help demo install quick pure test test-faults test-extras test-editors lint format texts bench quality dist krita-zip gimp-zip clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/tools  ## the virtual environment with everything

$(VENV)/tools: $(VENV)/installed
	$(PIP) --quiet -e shared_protocol -e '.[dev]'
	@touch $@

$(VENV)/installed: pyproject.toml shared_protocol/pyproject.toml
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing: run  apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the daemon: PyTorch is 1.3 GB, with CUDA 6 GB (see the README)."
	$(PIP) -e shared_protocol -e .
	@touch $@

demo: $(VENV)/installed  ## paint a photo:  make demo [PHOTO=my.jpg] [STYLE=great-wave]
	@mkdir -p $(OUT)
	@made='$(OUT)/$(basename $(notdir $(STYLE))).png'; photo='$(PHOTO)'; \
	  $(BIN)/velatura stylize "$$photo" --style '$(STYLE)' -o "$$made" --force && \
	  echo "Painted: $$made   (the daemon keeps running; stop it with: $(BIN)/velatura daemon stop)"

quick: install  ## lint and, beside it, the tests without networks: under a minute
	@$(MAKE) --no-print-directory -j2 lint pure

pure:
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(QUICK)

test: lint  ## everything but the real editors, on up to four cores, about three minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-faults: install  ## a failing machine, hostile peers, dying processes: check, outcome, time; ten minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --table tests/faults $(addprefix tests/daemon/test_,hostile.py \
	  workers.py sessions.py listening.py errors.py) $(addprefix tests/protocol/test_,stranger.py golden.py errors.py)

test-extras: install  ## videos, the page in a real browser, a cluster; needs a Chromium; ten minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --table tests/extras

test-editors: install  ## the plug-ins inside real Krita and GIMP (needs root and a Debian-like host)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/editors

lint: install  ## ruff and pyright
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

format: install  ## let ruff lay out the code
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

texts: install  ## collect the texts that editors show and bring their translations up to date
	@mkdir -p $(OUT)
	$(BIN)/pybabel -q extract -F pyproject.toml -k N_ -k Note --add-location=file --no-wrap --sort-by-file \
	  -o $(OUT)/velatura.pot shared_protocol krita_plugin gimp_plugin daemon models
	@for po in $(CATALOGUES); do $(BIN)/pybabel -q update -N --ignore-obsolete --ignore-pot-creation-date \
	  --no-wrap -i $(OUT)/velatura.pot -l $$(basename $$po .po) -o $$po; done

bench: install  ## speed and memory, as ratios
	$(BIN)/velatura bench

quality: install  ## six figures of pictures:  make quality VGG=file CONTENT=folder STYLES=folder
	$(BIN)/velatura bench pictures --vgg '$(VGG)' --content '$(CONTENT)' --style '$(STYLES)'

krita-zip: install  ## the plug-in as a zip for Krita's importer
	$(BIN)/python -m velatura_daemon.install zip krita $(OUT)

gimp-zip: install  ## the plug-in as a zip for GIMP
	$(BIN)/python -m velatura_daemon.install zip gimp $(OUT)

dist: install  ## both distributions, for every platform:  make dist [FOR="linux x86_64"]
	rm -rf dist && $(BIN)/python -m velatura_daemon.install wheels $(FOR)
	$(BIN)/python -m build --outdir dist shared_protocol
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

clean:  ## remove what was built
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .ruff_cache .hypothesis
