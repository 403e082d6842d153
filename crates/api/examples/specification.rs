//! Prints the specification as the handlers tell it: `make spec` writes it to `docs/openapi.json`.

fn main() {
    print!("{}", api::openapi_json());
}
