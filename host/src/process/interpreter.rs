//! Which program runs a script.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::error::ProcessProblem;
use crate::dataflow::{self, Interpreter, is_program, on_path};

/// A program, and its arguments before those of Python.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
}

/// Where interpreters may be.
pub(super) struct Surroundings<'a> {
    /// The interpreter of the embedding program.
    usual: Option<&'a Path>,
    /// The variable `VIRTUAL_ENV`.
    virtual_env: Option<OsString>,
    /// The variable `PATH`.
    path: OsString,
    is_program: &'a dyn Fn(&Path) -> bool,
}

impl<'a> Surroundings<'a> {
    pub(super) fn of_host(usual: Option<&'a Path>) -> Self {
        Self {
            usual,
            virtual_env: std::env::var_os("VIRTUAL_ENV").filter(|folder| !folder.is_empty()),
            path: std::env::var_os("PATH").unwrap_or_default(),
            is_program: &is_program,
        }
    }

    fn on_path(&self, name: &str) -> Option<PathBuf> {
        on_path(name, &self.path, self.is_program)
    }
}

/// What starts a script.
///
/// # Errors
///
/// When there is no such program.
pub(super) fn launch(
    process: &dataflow::Process,
    around: &Surroundings<'_>,
) -> Result<Launch, ProcessProblem> {
    let program = match &process.interpreter {
        Interpreter::Usual => usual(&process.script, around)?,
        Interpreter::Path(path) | Interpreter::Command { path, .. } => path.clone(),
        Interpreter::Uv => {
            let program = around.on_path("uv").ok_or(ProcessProblem::NoUv)?;
            // With `--directory` the script would not see the files that the other nodes see.
            let args = ["run", "--quiet", "--project"].map(OsString::from).into_iter();
            let project = folder_of(&process.script).into();
            return Ok(Launch { program, args: args.chain([project, "python".into()]).collect() });
        }
    };
    Ok(Launch { program, args: Vec::new() })
}

/// The first interpreter that there is. See [`Interpreter::Usual`].
fn usual(script: &Path, around: &Surroundings<'_>) -> Result<PathBuf, ProcessProblem> {
    if let Some(usual) = around.usual {
        return Ok(usual.to_owned());
    }
    let folder = folder_of(script);
    let active = around.virtual_env.iter().map(python_of);
    let near = folder.ancestors().map(|folder| python_of(folder.join(".venv")));
    let in_a_venv = active.chain(near).find(|python| (around.is_program)(python));
    let found = in_a_venv.or_else(|| around.on_path("python3"));
    let found = found.or_else(|| around.on_path("python"));
    found.ok_or_else(|| ProcessProblem::NoPython { folder: folder.clone() })
}

fn python_of(venv: impl AsRef<OsStr>) -> PathBuf {
    Path::new(venv.as_ref()).join("bin/python")
}

/// The folder of the script, from the root on, so that those above it can be looked at.
fn folder_of(script: &Path) -> PathBuf {
    let folder = script.parent().unwrap_or(Path::new(""));
    // The working directory may be gone; then the folders above it cannot be looked at either.
    let absolute = std::path::absolute(folder.join("."));
    absolute.unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken for a script at `/flows/robot/nodes/report.py` where these programs are, and no others.
    fn taken(
        interpreter: Interpreter,
        programs: &[&str],
        change: impl FnOnce(&mut Surroundings<'_>),
    ) -> Result<String, String> {
        let is_program = |path: &Path| programs.contains(&path.to_str().unwrap());
        let path = "/usr/bin::/bin".into();
        let mut around =
            Surroundings { usual: None, virtual_env: None, path, is_program: &is_program };
        change(&mut around);
        let script = "/flows/robot/nodes/report.py".into();
        let (args, env, log, locked) = Default::default();
        let process = dataflow::Process { script, interpreter, args, env, log, locked };
        let launch = launch(&process, &around);
        let launch = launch.map_err(|problem| problem.to_string())?;
        let words = [launch.program.into()].into_iter().chain(launch.args);
        Ok(words.map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_usual_place_comes_before_the_next() {
        let mut programs = vec![
            "/active/bin/python",
            "/flows/robot/nodes/.venv/bin/python",
            "/flows/.venv/bin/python",
            "/usr/bin/python3",
            "/bin/python3",
            "/usr/bin/python",
        ];
        let activate = |around: &mut Surroundings<'_>| around.virtual_env = Some("/active".into());
        while let Some(first) = programs.first().copied() {
            assert_eq!(taken(Interpreter::Usual, &programs, activate).as_deref(), Ok(first));
            programs.remove(0);
        }
    }

    #[test]
    fn the_interpreter_of_the_embedding_program_comes_first() {
        let programs = ["/active/bin/python", "/usr/bin/python3"];
        let embed = |around: &mut Surroundings<'_>| {
            around.usual = Some(Path::new("/host/bin/python"));
            around.virtual_env = Some("/active".into());
        };
        let usual = taken(Interpreter::Usual, &programs, embed);
        assert_eq!(usual.as_deref(), Ok("/host/bin/python"));
        let named = taken(Interpreter::Path("/opt/python".into()), &programs, embed);
        assert_eq!(named.as_deref(), Ok("/opt/python"));
    }

    #[test]
    fn a_venv_that_is_gone_is_passed_over() {
        let activate = |around: &mut Surroundings<'_>| around.virtual_env = Some("/gone".into());
        let taken = taken(Interpreter::Usual, &["/usr/bin/python3"], activate);
        assert_eq!(taken.as_deref(), Ok("/usr/bin/python3"));
    }

    #[test]
    fn uv_runs_in_the_project_of_the_script() {
        let taken = taken(Interpreter::Uv, &["/usr/bin/uv"], |_| {});
        let expected = "/usr/bin/uv run --quiet --project /flows/robot/nodes python";
        assert_eq!(taken.as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_not_there_is_told_with_the_places_and_the_remedy() {
        let none = taken(Interpreter::Usual, &[], |_| {}).unwrap_err();
        assert!(none.contains("`.venv/bin/python` in `/flows/robot/nodes` or above"), "{none}");
        assert!(none.contains("name its Python under `interpreter`"), "{none}");
        let none = taken(Interpreter::Uv, &["/usr/bin/python3"], |_| {}).unwrap_err();
        assert!(none.contains("no such command on PATH: install it"), "{none}");
    }

    #[test]
    fn the_working_directory_is_not_searched_for_commands() {
        assert!(taken(Interpreter::Usual, &["python3"], |_| {}).is_err());
    }
}
