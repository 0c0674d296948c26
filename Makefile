# Each target is one line; what it does stands in dev.py, which needs Python 3.11 or newer and nothing else.
PYTHON ?= python3

.PHONY: run test test-long bench lint screenshots assets lock secrets

run:         ; @$(PYTHON) dev.py run
test:        ; @$(PYTHON) dev.py test $(ARGS)
test-long:   ; @$(PYTHON) dev.py test-long $(ARGS)
bench:       ; @$(PYTHON) dev.py bench $(ARGS)
lint:        ; @$(PYTHON) dev.py lint
screenshots: ; @$(PYTHON) dev.py screenshots
assets:      ; @$(PYTHON) dev.py assets
lock:        ; @$(PYTHON) dev.py lock
secrets:     ; @$(PYTHON) dev.py secrets
