# `make help` lists the targets. Everything that is downloaded or built stays in node_modules, build and dist.

export PATH := $(CURDIR)/node_modules/.bin:$(PATH):/usr/sbin:/sbin
MAKEFLAGS += --no-print-directory

# The sources that end up in the executable.
SOURCES := $(shell find src -name '*.ts') package.json package-lock.json

# Its head says what these are.
INSTALL := PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" ZSHDIR="$(ZSHDIR)" SERVICE_USER="$(SERVICE_USER)" sh share/install.sh

.PHONY: help setup native build install uninstall deb demo test check sim bench bench-quick clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 13

setup: ## Install what is missing: Debian's packages (as root), npm's, Bun among them
	@sh test/support/setup-debian.sh
	@sh test/support/setup-node.sh

native: setup ## The C shim
	@$(MAKE) -C native

build: native ## dist/makuosan and dist/msync, one self-contained executable
	@$(MAKE) dist/msync

dist/makuosan: $(SOURCES) $(wildcard build/*.so) test/support/compile.ts
	bun test/support/compile.ts $@

dist/msync: dist/makuosan
	ln -sf makuosan $@

# Builds only what is not there at all, so that root's part of `make build && sudo make install` is to copy files.
install: ## Install below PREFIX (/usr/local), or DESTDIR/PREFIX: programs, manual, service, completions
	@test -f dist/makuosan || $(MAKE) build
	@$(INSTALL) install

uninstall: ## Remove what install installed, for the same PREFIX and DESTDIR
	@$(INSTALL) uninstall

deb: build ## dist/makuosan_VERSION_ARCHITECTURE.deb
	@sh test/support/setup-debian.sh deb
	@sh share/deb/build.sh

demo: native ## Four daemons on this machine, a real tree pushed from host1 to the others
	@sh test/support/as-root.sh bun test/lab/demo.ts

test: native ## Every test: types, style, shim, units, simulator, lab. Prints the count at the end
	@sh test/support/setup-debian.sh install
	@sh test/support/as-root.sh bun test/support/run-all.ts

check: native ## The quick ones: types, style, units
	@bun test/support/run-all.ts --quick

sim: native ## The simulator: 2,000 seeds
	bun test/sim/run.ts --seeds 2000

bench: native build ## Measure, side by side with rsync, uftp, udpcast and what the kernel can do; and what a lost host costs
	@sh test/support/setup-debian.sh bench
	@sh test/support/as-root.sh bun test/bench/run.ts
	@sh test/support/as-root.sh bun test/bench/lost-host.ts

bench-quick: native build ## The same in less than three minutes: less data, fewer rounds
	@sh test/support/setup-debian.sh bench
	@sh test/support/as-root.sh bun test/bench/run.ts --quick

clean: ## Remove what was built (node_modules stays)
	rm -rf build dist
	@$(MAKE) -C native clean
