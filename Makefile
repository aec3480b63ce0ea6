# Nudge: `make demo` and `make test` need Python 3.11 or newer and nothing else; they set themselves up.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
TYPINGS := build/typings/.ready

MODEM ?= sim7000
RUNTIME ?= micropython
VERSION ?= 1.1

BOARD ?=
PORT ?=
CONFIG ?=
APP ?=
MICROPYTHON ?=
FLASH_MB ?=

SEED ?= 1
DAYS ?= 3

.PHONY: help setup demo test sim interop bench lint build clean image flash deploy monitor erase \
  provision release

help:
	@echo "make demo [MODEM=sim800|sim7000|sim7080] [RUNTIME=micropython|cpython]"
	@echo "          [VERSION=draft|1.0|1.1|1.2] [JSON=FILE]   play the main job"
	@echo "make test      every test, on CPython and on MicroPython"
	@echo "make sim       [SEED=1] [DAYS=3] [MODEM=sim800|sim7000|sim7080]"
	@echo "               [RUNTIME=cpython|micropython]   a life with faults from the seed"
	@echo "make interop   OMA's test cases against Eclipse Leshan; needs Java and Maven"
	@echo "make bench     [JSON=FILE]   what an operation costs; needs valgrind, node, npm"
	@echo "make lint      ruff, the door check, pyright"
	@echo
	@echo "make provision [BOARD=…] [PORT=…]   a site configuration, by asking"
	@echo "make image     BOARD=… CONFIG=site.json [APP=app.py] [FLASH_MB=16]"
	@echo "               [MICROPYTHON=ESP32_GENERIC-….bin]   what is flashed onto a board"
	@echo "make flash     BOARD=… PORT=… [IMAGE=FILE] [FLASH_MB=16]   write it, by esptool"
	@echo "make deploy    BOARD=… PORT=… [CONFIG=site.json] [APP=app.py]   what differs"
	@echo "make monitor   PORT=…   what the board says"
	@echo "make erase     BOARD=… PORT=…   empty its flash"
	@echo "               MORE=\"…\" adds options that python -m tools.NAME --help lists"
	@echo
	@echo "make release   packages for mip, with .mpy, in build/release"
	@echo "make setup     the virtual environment, which all others make, too"
	@echo "make build     compile the firmware to build/firmware/*.mpy"
	@echo "make clean     remove build/ and the virtual environment"

$(READY): tools/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is missing or too old: Nudge's tools need Python 3.11; use make PYTHON=python3.11"; exit 1; }
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip --quiet --disable-pip-version-check install -r tools/requirements.txt
	@touch $@

$(TYPINGS): $(READY)
	@rm -rf build/typings
	@$(VENV)/bin/pip --quiet --disable-pip-version-check install --no-deps --target build/typings \
	  $$(grep -E '^micropython-(esp32|stdlib)-stubs==' tools/requirements.txt)
	@touch $@

setup: $(READY)

build: $(READY)
	@$(RUN) -m tools.build

demo: $(READY)
	@$(RUN) -m tools.demo --modem $(MODEM) --runtime $(RUNTIME) --version $(VERSION) $(if $(JSON),--json $(JSON))

test: $(READY)
	@$(RUN) -m tools.build
	@$(RUN) -m pytest -c host_tests/pytest.ini -n 2 --dist loadfile host_tests

# MODEM and RUNTIME only where they were given: a seed has a modem of its own.
given = $(if $(filter command line environment,$(origin $(1))),$(2) $($(1)))

sim: $(READY)
	@$(RUN) -m tools.build
	@$(RUN) -m host_tests.simulate --seed $(SEED) --days $(DAYS) $(call given,MODEM,--modem) \
	  $(call given,RUNTIME,--runtime) $(MORE)

interop: $(READY)
	@$(RUN) -m tools.leshan.build
	@$(RUN) -m pytest -c host_tests/pytest.ini host_tests/oma --server leshan

bench: $(READY)
	@$(RUN) -m tools.bench $(if $(JSON),--json $(JSON))

provision: $(READY)
	@$(RUN) -m tools.provision $(call option,--board,$(BOARD)) $(call option,--port,$(PORT)) \
	  $(MORE)

# What is given, as an option: $(call option,--name,VALUE).
option = $(if $(2),$(1) "$(2)")

image: $(READY)
	@$(RUN) -m tools.image --board "$(BOARD)" $(call option,--config,$(CONFIG)) \
	  $(call option,--app,$(APP)) $(call option,--micropython,$(MICROPYTHON)) \
	  $(call option,--flash-mb,$(FLASH_MB)) $(MORE)

flash: $(READY)
	@$(RUN) -m tools.flash --board "$(BOARD)" --port "$(PORT)" $(call option,--image,$(IMAGE)) \
	  $(call option,--flash-mb,$(FLASH_MB)) $(MORE)

deploy: $(READY)
	@$(RUN) -m tools.deploy --board "$(BOARD)" --port "$(PORT)" $(call option,--config,$(CONFIG)) \
	  $(call option,--app,$(APP)) $(MORE)

monitor: $(READY)
	@$(RUN) -m tools.monitor --port "$(PORT)" $(MORE)

erase: $(READY)
	@$(RUN) -m tools.erase --board "$(BOARD)" --port "$(PORT)" $(MORE)

release: $(READY)
	@$(RUN) -m tools.release $(MORE)

lint: $(READY) $(TYPINGS)
	@$(VENV)/bin/ruff check --quiet --output-format concise .
	@$(RUN) -m tools.doors
	@$(VENV)/bin/pyright -p host_tests/pyrightconfig.json

clean:
	@rm -rf build $(VENV)
