# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` do all their set-up on a fresh Debian with Go and root.

SHELL := /bin/bash
GO ?= go
BIN := build/enishi

.PHONY: build setup test test-user soak demo check generate lint bench terraform clean

# Two programs that belong together: enishi starts the other one from its own directory.
build: ; CGO_ENABLED=0 $(GO) build -trimpath -o build/ ./cmd/enishi ./cmd/enishi-control

# What tests and the demo run: the aws CLI, ip, and a C compiler for nothing but -race.
setup: ; @scripts/setup

test: setup build ; scripts/test

# The same tests as an ordinary user, showing what is skipped and why.
test-user: ; scripts/test-user

# Half an hour, before a release: more packets, more kills, the race detector, more fuzzing.
soak: setup build ; scripts/soak

demo: setup build ; $(BIN) demo

# nginx, CoreDNS and moto stand beside it where they can be had; the table says what is skipped.
bench: setup build ; scripts/bench && CGO_ENABLED=0 $(GO) build -o build/bench ./cmd/bench && build/bench -enishi $(BIN)

# examples/terraform with the real Terraform, which it builds: ten minutes the first time.
terraform: setup build ; scripts/terraform

generate: ; $(GO) generate ./...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'gofmt: the files above'; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

check: ; scripts/check

clean: ; rm -rf build
