# `make help` lists what there is. Needs Rust, Go, for the test against moto Python 3, and for that of the alerts promtool or
# Debian's apt-get.

CARGO ?= cargo
PROGRAMS = $${CARGO_TARGET_DIR:-target}/debug
RELEASED = $(abspath $(or $(CARGO_TARGET_DIR),target))/release
# What is missing is forgiven, but in continuous integration.
FORGIVEN = test "$${CI:-false}" = false
CHART_CRDS = charts/crossrole/crds-files

.PHONY: help demo test laws matrix crash campaign soak isolation failover fuzz organization access feed kit alerts bench check generate release release-check tools build

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile

demo: build ## Show it at work: a real Kubernetes API server, simulated AWS, one role in two accounts.
	@$(PROGRAMS)/demo

test: build ## Run all tests.
	@.ci/test

laws: ## Try the laws of the plan on thirty times as many generated roles as make test does.
	@CROSSROLE_LAWS=all $(CARGO) test -p crossrole-plan --lib laws

matrix: ## Try every AWS call with every error that it can give.
	@CROSSROLE_MATRIX=all $(CARGO) test --workspace --test fault_matrix -- --nocapture

crash: ## Kill the operator at every AWS call and every write to Kubernetes.
	@CROSSROLE_CRASH=all $(CARGO) test --workspace --test crash_matrix -- --nocapture

campaign: ## Declare 2,000 generated things, one after another, while others edit and AWS fails.
	@CROSSROLE_CAMPAIGN_TRANSITIONS=$${CROSSROLE_CAMPAIGN_TRANSITIONS:-2000} \
		$(CARGO) test --workspace --test campaign -- --nocapture

soak: ## Keep 500 roles true for half an hour (or CROSSROLE_SOAK_MINUTES): edits, faults, restarts; memory stays flat.
	@CROSSROLE_SOAK_MINUTES=$${CROSSROLE_SOAK_MINUTES:-30} $(CARGO) test --workspace --features jemalloc --test soak -- --ignored --nocapture

isolation: ## Measure how much troubled accounts slow the others down: five times alone, beside healthy ones, beside troubled ones.
	@$(CARGO) test --workspace --test isolation -- --ignored --nocapture

failover: ## Kill the holder of the lease twenty times during two hundred changes (or CROSSROLE_FAILOVER_ROUNDS times).
	@CROSSROLE_FAILOVER_ROUNDS=$${CROSSROLE_FAILOVER_ROUNDS:-20} \
		$(CARGO) test --workspace --test leader holders_are_killed -- --nocapture

fuzz: ## Feed the parsers what nobody would write, for ten minutes (or CROSSROLE_FUZZ_MINUTES); needs a C++ compiler.
	@fuzz/run

organization: ## Discover an organisation of 300 accounts in moto.
	@CROSSROLE_ORGANIZATION=all $(CARGO) test --workspace --test organizations -- --nocapture

access: ## Let MiniStack judge every row of crossrole access over 200 roles.
	@CROSSROLE_ACCESS=all $(CARGO) test --workspace --test judges access -- --nocapture

feed: ## Take 10,000 events from a queue in moto while the operator is killed ten times.
	@CROSSROLE_FEED=all $(CARGO) test --workspace --test feed -- --nocapture

kit: ## Put what crossrole bootstrap prints to cfn-lint, moto, an HCL parser, the AWS CLI and terraform (CROSSROLE_TERRAFORM_PLUGINS), and profiles to botocore.
	@$(CARGO) test --workspace --test bootstrap_kit --test events_kit -- --include-ignored
	@$(CARGO) test --workspace --test tools -- --ignored

alerts: ## Try the chart's alerts with promtool, by themselves and with what an operator tells while each cause is made.
	@set -eu; promtool=$$(tools/promtool); \
		"$$promtool" check rules charts/crossrole/monitoring/alerts.yaml; \
		"$$promtool" test rules tests/alerts/alerts.yaml
	@$(CARGO) test --workspace --test telemetry

bench: tools ## Measure what the work takes: calls, writes, time, memory (CROSSROLE_BENCH chooses scenarios).
	@echo "bench: building the program as it is released, and what measures it"
	@release/binary "$(RELEASED)/crossrole-released"
	@$(CARGO) build --workspace --bins --release
	@CROSSROLE_BIN="$(RELEASED)/crossrole-released" "$(RELEASED)/bench" $(CROSSROLE_BENCH) $${CROSSROLE_BENCH_JSON:+--json "$$CROSSROLE_BENCH_JSON"} \
		$${CROSSROLE_BENCH_PLOT:+--plot "$$CROSSROLE_BENCH_PLOT"}

check: ## Format, lints, docs, generated files; cargo-deny and hadolint where they are installed, and with CI set in any case.
	@echo "check: format"
	@$(CARGO) fmt --all --check
	@echo "check: lints"
	@$(CARGO) clippy --workspace --all-targets -- -D warnings
	@echo "check: docs"
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	@echo "check: generated files"
	@$(CARGO) build --workspace --bins
	@set -eu; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
		$(PROGRAMS)/crossrole crd --output-dir "$$fresh"; \
		diff -r "$$fresh" crds && diff -r "$$fresh" $(CHART_CRDS) && \
		$(PROGRAMS)/chart-readme | diff - charts/crossrole/README.md && \
		$(PROGRAMS)/reference fields | diff - docs/fields.md && \
		$(PROGRAMS)/reference commands | diff - docs/cli.md || { echo "check: run make generate" >&2; exit 1; }
	@echo "check: Dockerfile"
	@if command -v hadolint >/dev/null 2>&1; then hadolint Dockerfile; \
		else echo "check: hadolint is not installed; the Dockerfile was not checked"; $(FORGIVEN); fi
	@echo "check: dependencies"
	@if command -v cargo-deny >/dev/null 2>&1; then $(CARGO) deny --workspace check; \
		else echo "check: cargo-deny is not installed; licences and advisories were not checked"; $(FORGIVEN); fi

generate: ## Write the CRDs into crds/ and the chart, the chart's values into its README, docs/fields.md, docs/cli.md, and the documents in examples.
	@$(CARGO) build --workspace --bins
	@for folder in crds $(CHART_CRDS); do \
		mkdir -p "$$folder" && rm -f "$$folder"/*.yaml && $(PROGRAMS)/crossrole crd --output-dir "$$folder" || exit 1; done
	@set -eu; fresh=$$(mktemp); trap 'rm -f "$$fresh"' EXIT; \
		$(PROGRAMS)/chart-readme > "$$fresh" && cat "$$fresh" > charts/crossrole/README.md && \
		$(PROGRAMS)/reference fields > "$$fresh" && cat "$$fresh" > docs/fields.md && \
		$(PROGRAMS)/reference commands > "$$fresh" && cat "$$fresh" > docs/cli.md
	@$(PROGRAMS)/crossrole bootstrap --format files --class standard --filename examples/quickstart --pod-identity \
		--operator-role arn:aws:iam::111111111111:role/crossrole-operator --output-dir examples/bootstrap 2>/dev/null
	@$(PROGRAMS)/crossrole bootstrap --format files --class identity --filename examples/grants --pod-identity \
		--operator-role arn:aws:iam::111111111111:role/crossrole-operator --output-dir examples/grants/bootstrap 2>/dev/null
	@echo "generate: wrote crds/, $(CHART_CRDS)/, charts/crossrole/README.md, docs/fields.md, docs/cli.md, examples/bootstrap/ and examples/grants/bootstrap/"

release: ## Make what a release consists of, in dist/: program, image, chart, list of contents, checksums; docs/release.md.
	@release/make

release-check: ## Make a release twice, compare both byte by byte, and read from the archive what the image is.
	@release/check

tools: ## Build the programs of the test control plane, once, into a cache.
	@tools/build

build: ## Build the workspace's programs and the test control plane's, side by side.
	@.ci/build
