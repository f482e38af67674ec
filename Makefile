# Gatehouse. `make` lists what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Search in recordings needs SQLite's FTS5; a plain `go build` works without and says so.
export GOFLAGS := $(strip $(GOFLAGS) -tags=sqlite_fts5)

ARGS     ?=
PKG      ?= ./...
RACE     ?= ./bastion/... ./ca/... ./internal/... ./policy/... ./recorder/...
FUZZTIME ?= 60s
N        ?= 50
SEED     ?= 1
FAULTS   ?= 200
HOURS    ?= 1
PREFIX   ?= /usr/local
DESTDIR  ?=
OLD      ?= 0317fb8

.PHONY: help setup build generate demo test race web-test lint check prove crash fuzz diff-fuzz shell-diff shell-ssh shell-fuzz ssh-fuzz shell-attack shell-pexpect soak bench e2e install uninstall release release-check upgrade-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install what is missing (Debian packages, Go modules, npm lockfile)
	@scripts/setup

build: ## build bin/gatehouse
	@[ ! -d web/ui/node_modules ] || [ ! -x scripts/web-assets ] || scripts/web-assets
	go build -o bin/gatehouse ./cmd/gatehouse

generate: ## write what is generated from the program's types: the JSON Schemas (a test says when)
	go run ./scripts/generate

demo: setup build ## show the main job with a real client; ARGS=--once verifies it and ends
	@go build -o bin/demo ./scripts/demo
	@exec bin/demo --gatehouse bin/gatehouse $(ARGS)

test: setup build ## units and one end-to-end path a feature (PKG=./policy/... for a part; without one all but ./web, which is web-test's)
	@scripts/check-tests $(SEED) -short -timeout 10m $(if $(filter ./...,$(PKG)),$$(go list ./... | grep -v '/web$$'),$(PKG))

race: setup ## what has goroutines under the race detector (the programs that cmd's scripts drive are not built with it; pages: web-test)
	@scripts/check-tests $(SEED) -race -timeout 15m $$(scripts/raced $(RACE))

web-test: setup build ## the browser pages in Chromium, under the race detector
	go test -race -timeout 10m ./web/...

lint: ## gofmt -s, vet, staticcheck, shell syntax, house rules
	@scripts/check-lint

check: lint test race web-test ## everything that must pass before a change lands, with fixed seeds

prove: setup build ## break each guarantee of docs/guarantees.md on purpose and see its test turn red
	go run ./scripts/prove $(ARGS)

crash: setup build ## kill -9 the door and the decider N times, put FAULTS faults into recorder and log (disk full, EIO, cuts …), then verify
	go run ./scripts/crash -faults -n $(FAULTS) -seed $(SEED)
	go run ./scripts/crash -n $(N) -seed $(SEED) $(ARGS)

fuzz: ## every fuzz target for FUZZTIME each (PKG=./policy/... for a part)
	@scripts/check-fuzz $(FUZZTIME) $(PKG)

ssh-fuzz: setup build ## nearly right SSH packet sequences for FUZZTIME, beside a good client (ARGS="-seed 2 -from 1000" repeats or goes on)
	go run ./scripts/sshfuzz -for $(FUZZTIME) $(ARGS)

diff-fuzz: setup ## random lines: the plan under four login shells against bash, for FUZZTIME (ARGS="-seed 1 -from 0 -n 100")
	go run ./scripts/difffuzz $(if $(ARGS),$(ARGS),-for $(FUZZTIME))

shell-attack: setup build ## every attack on the governed shell: texts by policy alone and through a real target, and a process that lies
	go test -race -count=1 -timeout 10m ./bastion/governed
	go test -count=1 -timeout 10m ./bastion/shell -run 'TestAttacks|TestBypasses' -attacks
	unshare --pid --fork --mount-proc go test -count=1 -timeout 10m ./bastion/shell/pool -run TestBombs -bombs -v
	go test -count=1 -timeout 20m ./bastion -run 'TestAttacksOnTheGovernedShell|TestALyingProcess|TestTheDoorStaysFlat|TestAPausedShell|TestAChangeOfPolicyEndsAGoverned' -shell-attacks
	go test -count=1 -timeout 20m ./bastion -run 'TestAttacksOnTheGovernedShell' -shell-attacks -shell-attack-ways $(or $(WAY),1)

shell-pexpect: setup build ## the prompt of the governed shell, driven by pexpect and tmux with the stock client against a real sshd (ARGS="-only ctrl_c -v")
	go run ./scripts/shellprompt $(ARGS)

shell-diff: setup ## every case of the governed shell by bash and by it: none may differ without a word (ARGS="-v -only traps/")
	go run ./scripts/shelldiff $(ARGS)

shell-ssh: setup build ## texts as agents write them by the stock client, through a Gatehouse and straight to the same sshd (ARGS="-v -only triage/ -every 3")
	go run ./scripts/shelldiff -ssh $(ARGS)

shell-fuzz: setup ## random scripts by bash and by the governed shell, for FUZZTIME (ARGS="-seed 1 -from 0 -n 100")
	go run ./scripts/shellfuzz $(if $(ARGS),$(ARGS),-for $(FUZZTIME))

soak: setup build ## real clients for HOURS (fractions too) while targets, network, disk and service fail, then the verdict (ARGS="-dir FOLDER" to go on)
	@go build -o bin/soak ./scripts/soak
	@exec bin/soak -hours $(HOURS) -seed $(SEED) $(ARGS)

bench: setup build ## speed against stock ssh -J and direct; writes bench.json
	go run ./scripts/bench $(ARGS)

e2e: setup build ## the matrix of stock clients, then every end-to-end script and attack in full; ARGS="-only putty,paramiko -v" is the matrix alone
	@scripts/setup e2e
	go run ./scripts/clients $(ARGS)
	$(if $(ARGS),,go test -count=1 -v -timeout 60m ./cmd/... -rotation-sessions 20)
	$(if $(ARGS),,go test -count=1 -timeout 20m ./bastion -run 'TestSCP|TestRaces' -races 1000)
	$(if $(ARGS),,ulimit -n "$$(ulimit -Hn)" && go test -count=1 -v -timeout 30m ./cmd/gatehouse -run 'TestAttacksOnTheProgram|TestTenThousandConnections|TestSSHAudit' -attacks)

install: build ## install the program, manual pages, completions and units below DESTDIR/PREFIX (PREFIX=/usr/local)
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install bin/gatehouse

uninstall: ## take away what install installed; configuration and data stay
	@PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/uninstall

release: ## build bin/release: archives, Debian packages, SBOMs, checksums (ARCHES="amd64 arm64")
	@scripts/release

release-check: setup ## build the release twice in different folders: same bytes; run, install, upgrade, remove and purge what was built
	@scripts/release-check

upgrade-test: setup build ## upgrade from the commit OLD to this tree with data, and back
	go run ./scripts/upgrade -old $(OLD) $(ARGS)

clean: ## remove what was built
	rm -rf bin bench.json
