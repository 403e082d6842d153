//! Every setting is a flag too. The flags are made from the list of settings, so there is no second list to keep.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::merge::KEYS;

/// The settings given on the command line, as text.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The settings file.
    pub file: Option<PathBuf>,
    /// Setting and value.
    pub values: Vec<(&'static str, String)>,
}

impl Flags {
    /// Sets a value, unless the command line did.
    pub fn or_set(&mut self, key: &'static str, value: impl Into<String>) {
        if !self.values.iter().any(|(known, _)| *known == key) {
            self.values.push((key, value.into()));
        }
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Read settings from this file (TOML)")
            .help_heading("Settings")
            .global(true);
        KEYS.iter().fold(command.arg(file), |command, key| {
            let arg = Arg::new(key.name)
                .long(key.name.replace('_', "-"))
                .value_name("VALUE")
                .help(key.help)
                .help_heading("Settings")
                .hide_short_help(!key.common)
                .global(true);
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags, clap::Error> {
        let mut flags = Flags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.file = matches.get_one::<PathBuf>("config").cloned();
        let given = KEYS.iter().filter_map(|key| Some((key.name, matches.get_one::<String>(key.name)?.clone())));
        self.values = given.collect();
        Ok(())
    }
}
