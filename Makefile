# Each verb works on a fresh machine and can be run without reading anything else.
.DEFAULT_GOAL := help
.PHONY: help run test lint bench bench-peers spec

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build Bursar and start it with two institutions of invented people
	cargo run --release --bin bursar -- demo

test: ## run every test on SQLite and on a throw-away PostgreSQL
	scripts/test

lint: ## check format, clippy, dependencies and stray paths
	scripts/lint

bench: ## measure speed and size on both engines, each figure beside its floor; ARGS="--users 10000" and more
	cargo build --profile dist --workspace --bins
	target/dist/bursar-bench $(ARGS)

bench-peers: ## measure other products beside Bursar, installed by npm into target/peers
	bench/peers/install
	cargo build --profile dist --workspace --bins
	target/dist/bursar-bench peers $(ARGS)

spec: ## write docs/openapi.json anew from the code
	cargo run -p api --example specification > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json
