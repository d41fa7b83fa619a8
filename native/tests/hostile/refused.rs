//! Memory that the system does not give.

use std::fs;

use byol::abi;
use byol::error::Status;

use crate::core::{call, create, open_demo, use_one_thread, Kept};
use crate::forms::{DEMO, LEARNER, VIEW};

/// Memory that the system refuses, in a process of its own: its limit would be the other tests', too.
#[test]
fn memory_that_the_system_refuses_is_an_error() {
    const CHILD: &str = "BYOL_REFUSED_MEMORY";
    if std::env::var_os(CHILD).is_some() {
        return refused_memory();
    }
    let name = "refused::memory_that_the_system_refuses_is_an_error";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    let why = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{:?}\n{said}\n{why}", child.status);
    assert!(said.contains("3 refusals, then a step"), "{said}");
}

fn refused_memory() {
    let limit = |bytes: u64| {
        let mut limits = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limits) }, 0);
        limits.rlim_cur = bytes.min(limits.rlim_max);
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limits) }, 0);
    };
    let mapped = || {
        let pages = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
        pages * 4096
    };
    use_one_thread();
    let dataset = Kept::new(DEMO, open_demo);
    let recipes = |side: &str| {
        let view = VIEW.replace("\"cropSize\":8", &format!("\"cropSize\":{side}"));
        format!(r#"{{"batchSize":8,"view1":{view},"view2":{view}}}"#)
    };
    let set = |side: &str| {
        let outcome = call(recipes(side).as_bytes(), |text, error| unsafe {
            abi::dataset::byol_dataset_set_recipes(dataset.0, text, error)
        });
        assert!(outcome.is_ok(), "{}", outcome.message);
    };
    let make = || {
        call(b"", |_, error| unsafe {
            abi::dataset::byol_dataset_make_views(dataset.0, 1, 0, 0, error)
        })
    };
    // Tables and threads that are made once.
    set("8");
    assert!(make().is_ok());
    drop(Kept::new(LEARNER, abi::learner::byol_learner_create));
    limit(mapped() + (96 << 20));
    let wide = LEARNER.replace(r#""hiddenDim":4"#, r#""hiddenDim":32768"#);
    let wide = wide.replace(r#""zDim":4"#, r#""zDim":4096"#);
    let learner = create(wide.as_bytes(), abi::learner::byol_learner_create);
    set("2048");
    let views = make();
    let again = create(wide.as_bytes(), abi::learner::byol_learner_create);
    limit(u64::MAX);
    for outcome in [&learner, &views, &again] {
        let refused = Status::OutOfMemory as i32;
        assert_eq!(outcome.status, refused, "{}", outcome.message);
    }
    // Everything is usable after.
    set("8");
    assert!(make().is_ok());
    drop(Kept::new(LEARNER, abi::learner::byol_learner_create));
    println!("3 refusals, then a step");
}
