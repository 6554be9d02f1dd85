# Everything a reader needs, each in one command. The first one makes the environment in .venv.
#
#   PYTHON=python3.12       another interpreter
#   TORCH_INDEX=<url>       the package index to take PyTorch from (its site lists one for CPUs, and one for each CUDA);
#                           without it, the default of pip: on Linux a build for CUDA
#   JOBS=2                  chapters executed side by side; default: one for each core, at most four

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
JOBS ?=
TORCH_INDEX ?=

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOWDIM := $(BIN)/python -m lowdim.companion.cli
READY := $(VENV)/.ready
TORCH := $(shell grep -E '^(torch|torchvision)==' constraints.txt)
JOBS_FLAG := $(if $(JOBS),-j $(JOBS))

.DEFAULT_GOAL := help
.PHONY: help environment book html serve test lint unit record study full bench lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

environment: $(READY) ## the Python environment in .venv

$(VENV)/.torch: constraints.txt
	@echo 'making the Python environment in $(VENV): a few minutes, and on Linux by default a CUDA build of PyTorch'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@touch $@

$(READY): pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) install -q -c constraints.txt -e ".[book,test]"
	@touch $@

book: $(READY) ## execute every chapter (quick, on the CPU) and build the pages
	$(LOWDIM) book $(JOBS_FLAG)

html: $(READY) ## the pages from the stored outputs, in seconds
	$(LOWDIM) html

serve: ## the built pages at a local address
	@test -d build/site/_build/html || $(MAKE) html
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site/_build/html $(PORT)

test: $(READY) ## check everything: style, types, units, notebooks, numbers, pages in a browser
	$(BIN)/python tests/stages.py $(JOBS_FLAG)

lint: $(READY) ## style and types
	$(BIN)/python tests/stages.py --only lint,format,types

unit: $(READY) ## the unit tests alone
	$(BIN)/python tests/stages.py --only unit

record: $(READY) ## promote the last runs to the recorded results and stored outputs
	$(LOWDIM) record

study: $(READY) ## the slow CPU studies and five seeds of each chapter; interrupted, they go on where they stopped
	$(LOWDIM) study
	$(LOWDIM) run --all --seeds 0-4 --no-notebook $(JOBS_FLAG)

full: $(READY) ## every chapter at full size on a GPU, unit by unit
	$(LOWDIM) full

bench: $(READY) ## timings against peers, as ratios
	$(LOWDIM) bench

lock: $(READY) ## write constraints.txt from the environment in .venv
	@echo '# The versions everything is tested with. `make lock` writes this file from the environment in .venv.' > $(VENV)/lock.txt
	@$(PIP) freeze --exclude-editable | grep -v ' @ ' | sed -E 's/^(torch|torchvision)==([^+]*)\+.*/\1==\2/' >> $(VENV)/lock.txt
	@mv $(VENV)/lock.txt constraints.txt && touch $(VENV)/.torch $(READY)

clean: ## remove what was built (the environment stays)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
