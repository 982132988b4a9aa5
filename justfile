# The developer's menu: just, or just --list

# what there is
default:
    @just --list

# the provider on :8080 and two platforms on :8081 and :8082
demo *ARGS:
    cargo run -- demo {{ARGS}}

# everything: servers, format, lints, tests, supply chain
test *ARGS:
    ./test {{ARGS}}

# what the compiler and the lints say, fast
check:
    cargo fmt --check
    cargo clippy --all-targets

# bring the sources into form
fmt:
    cargo fmt

# the map of the code, in a browser
doc:
    cargo doc --no-deps --document-private-items --open

# print deploy/settings.md anew from the table of settings
settings-reference:
    MINGJI_TEST_BLESS=1 cargo test --lib config::reference

# print deploy/metrics.md anew from the table of metrics
metrics-reference:
    MINGJI_TEST_BLESS=1 cargo test --lib metrics::reference

# print deploy/openapi.json anew from the routes of the API
api-reference:
    MINGJI_TEST_BLESS=1 cargo test --lib api::reference

# what may be in the tree
deny:
    cargo deny check

# as CI runs it
ci:
    .ci/run
