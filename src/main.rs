//! The command line: what was asked for, carried out, and the exit status.

fn main() {
    std::process::exit(tinydbg::cli::main(std::env::args_os()));
}
