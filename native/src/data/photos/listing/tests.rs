use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, MetadataExt};
use std::process::Command;

use super::*;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[&str]) -> Self {
        let path = std::env::temp_dir().join(format!("byol-listing-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let folder = Self(path);
        files.iter().for_each(|file| folder.add(file));
        folder
    }

    fn add(&self, file: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }

    /// Waits until every folder is old enough for its times to be believed.
    fn age(&self) {
        std::thread::sleep(std::time::Duration::from_millis(2100));
    }

    /// Runs a program on the paths of some entries.
    fn run(&self, words: &[&str], entries: &[&str]) {
        let paths = entries.iter().map(|entry| self.0.join(entry));
        let status = Command::new(words[0])
            .args(&words[1..])
            .args(paths)
            .status();
        assert!(status.unwrap().success());
    }

    /// Returns what was left out, in JSON.
    fn left_out(&self) -> serde_json::Value {
        self.list().unwrap().left_out.describe().into()
    }

    fn list(&self) -> Result<Listing> {
        Listing::read(&self.0, None, &Progress::default())
    }

    fn list_with(&self, cache: &Path) -> Listing {
        Listing::read(&self.0, Some(cache), &Progress::default()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(listing: &Listing) -> Vec<String> {
    (0..listing.count()).map(|i| listing.name(i)).collect()
}

#[test]
fn classes_and_images_come_in_the_order_of_their_names() {
    let folder = Folder::new(
        "order",
        &[
            "n2/b.JPEG",
            "n2/a.png",
            "n10/deep/er/z.jpg",
            "n10/y.jpeg",
            "n10/deep/x.PNG",
            "n10/x.jpg",
            "n10/notes.txt",
            "README.md",
        ],
    );
    let listing = folder.list().unwrap();
    assert_eq!(listing.classes, ["n10", "n2"]);
    let expected = [
        "n10/x.jpg",
        "n10/y.jpeg",
        "n10/deep/x.PNG",
        "n10/deep/er/z.jpg",
        "n2/a.png",
        "n2/b.JPEG",
    ];
    assert_eq!(names(&listing), expected);
    let classes: Vec<usize> = (0..6).map(|i| listing.class(i)).collect();
    assert_eq!(classes, [0, 0, 0, 0, 1, 1]);
    // As version 0.1.0 computed it: runs under way find their data again.
    let digest = "0363aa27e8a93cf127d957f62e2fb70d2b81e013854221584c64871cfd6e06fb";
    assert_eq!(listing.digest, digest);
    // What is hidden changes nothing, wherever it lies.
    folder.add("n10/.ipynb_checkpoints/x-checkpoint.jpg");
    folder.add(".cache/a.jpg");
    folder.add("n2/._a.png");
    folder.add("@eaDir/a.jpg");
    assert_eq!(folder.list().unwrap().digest, digest);
}

#[test]
fn a_flat_folder_is_one_class() {
    let folder = Folder::new("flat", &["b.jpg", "a.jpg"]);
    let listing = folder.list().unwrap();
    assert_eq!(listing.classes, [""]);
    assert_eq!(names(&listing), ["a.jpg", "b.jpg"]);
    assert_eq!(
        listing.digest,
        "f9905f7e098ebd988427a3a7c71749eb54fe476fcd7f017601a362b01b46e66d"
    );
    // A folder of the system makes no class of it.
    folder.add("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg");
    folder.add("__MACOSX/._a.jpg");
    assert_eq!(folder.list().unwrap().digest, listing.digest);
}

#[test]
fn what_cannot_be_listed_is_named() {
    let folder = Folder::new("empty", &["full/a.jpg", "empty/notes.txt"]);
    let message = folder.list().err().unwrap().message;
    assert!(
        message.contains("/empty: it holds no images but 1 other files (.txt 1)"),
        "{message}"
    );
    let missing = Listing::read(&folder.0.join("none"), None, &Progress::default());
    let message = missing.err().unwrap().message;
    assert!(message.contains("/none: No such file"), "{message}");
    symlink(&folder.0, folder.0.join("full/loop")).unwrap();
    fs::remove_dir_all(folder.0.join("empty")).unwrap();
    let message = folder.list().err().unwrap().message;
    assert!(message.contains("loop"), "{message}");
}

#[test]
fn what_was_kept_is_used_until_a_folder_changes() {
    let folder = Folder::new(
        "kept",
        &["set/a/1.jpg", "set/a/1.gif", "set/a/.x.jpg", "set/b/1.jpg"],
    );
    let set = Folder(folder.0.join("set"));
    let cache = folder.0.join("cache");
    folder.age();
    let first = set.list_with(&cache);
    assert_eq!(names(&first), ["a/1.jpg", "b/1.jpg"]);

    // A kept name that is on no disk shows that the disk was not asked.
    let file = cache_file(&cache, &set.0);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"1.jpg\"", "\"kept.jpg\"")).unwrap();
    let kept = set.list_with(&cache);
    assert_eq!(names(&kept), ["a/kept.jpg", "b/kept.jpg"]);
    assert_eq!(kept.left_out.describe(), first.left_out.describe());
    assert_eq!(kept.left_out.describe().len(), 2);

    set.add("b/2.jpg");
    let changed = set.list_with(&cache);
    assert_eq!(names(&changed), ["a/kept.jpg", "b/1.jpg", "b/2.jpg"]);
    assert_ne!(changed.digest, first.digest);

    set.add("c/1.jpg");
    assert_eq!(set.list_with(&cache).classes, ["a", "b", "c"]);
    fs::remove_dir_all(set.0.join("a")).unwrap();
    let names = names(&set.list_with(&cache));
    assert_eq!(names, ["b/1.jpg", "b/2.jpg", "c/1.jpg"]);

    // A damaged file is as good as none.
    fs::write(&file, "{}").unwrap();
    assert_eq!(set.list_with(&cache).count(), 3);
}

#[test]
fn a_folder_that_changed_just_now_is_read_again() {
    let folder = Folder::new("fresh", &["set/a/1.jpg"]);
    let set = Folder(folder.0.join("set"));
    let cache = folder.0.join("cache");
    set.list_with(&cache);
    set.add("a/2.jpg");
    assert_eq!(set.list_with(&cache).count(), 2);
}

#[test]
fn a_folder_whose_time_was_set_back_is_read_again() {
    let folder = Folder::new("stale", &["set/a/1.jpg", "set/b/1.jpg", "other/1.jpg"]);
    let set = Folder(folder.0.join("set"));
    let cache = folder.0.join("cache");
    let old = ["touch", "-d", "2020-01-01 12:00:00"];
    set.run(&old, &["a", "b", "../other"]);
    folder.age();
    set.list_with(&cache);
    // As rsync and tar do after they have written a folder's files.
    set.add("a/2.jpg");
    set.run(&old, &["a"]);
    folder.age();
    let names_now = names(&set.list_with(&cache));
    assert_eq!(names_now, ["a/1.jpg", "a/2.jpg", "b/1.jpg"]);
    // Another folder in the place of one, with its times.
    let file = cache_file(&cache, &set.0);
    fs::remove_dir_all(set.0.join("b")).unwrap();
    fs::rename(folder.0.join("other"), set.0.join("b")).unwrap();
    set.add("b/3.jpg");
    set.run(&old, &["b"]);
    folder.age();
    assert_eq!(set.list_with(&cache).count(), 4);
    // A folder of the same times that is another one.
    // A folder of the same times that is another one.
    let text = fs::read_to_string(&file).unwrap();
    let inode = fs::metadata(set.0.join("b")).unwrap().ino();
    let inode = format!("\"inode\":{inode}");
    assert!(text.contains(&inode), "{text}");
    let other = text
        .replace(&inode, "\"inode\":1")
        .replace("3.jpg", "kept.jpg");
    fs::write(&file, other).unwrap();
    assert!(names(&set.list_with(&cache)).contains(&"b/3.jpg".to_owned()));
}

#[test]
fn what_an_earlier_version_kept_is_not_believed() {
    let folder = Folder::new("format", &["set/a/1.jpg", "set/a/._1.jpg"]);
    let set = Folder(folder.0.join("set"));
    let cache = folder.0.join("cache");
    folder.age();
    set.list_with(&cache);
    let file = cache_file(&cache, &set.0);
    let text = fs::read_to_string(&file).unwrap();
    let earlier = text
        .replace(FORMAT, "byol listing 1")
        .replace("1.jpg", "gone.jpg");
    fs::write(&file, earlier).unwrap();
    assert_eq!(names(&set.list_with(&cache)), ["a/1.jpg"]);
}

#[test]
fn what_is_left_out_is_counted_by_kind() {
    let folder = Folder::new(
        "left_out",
        &[
            "a/1.jpg",
            "a/2.gif",
            "a/3.GIF",
            "a/4.heic",
            "a/notes",
            "a/frame.0001",
            "a/._1.jpg",
            "a/.DS_Store",
            "a/deep/.ipynb_checkpoints/1.jpg",
            "a/deep/5.jpg",
            "b/1.jpg",
            "b/2.jpg",
            "b/@eaDir/1.jpg",
            "b/__MACOSX/b/1.jpg",
            ".ipynb_checkpoints/1.jpg",
            "sheet.png",
            "labels.csv",
        ],
    );
    let listing = folder.list().unwrap();
    assert_eq!(
        names(&listing),
        ["a/1.jpg", "a/deep/5.jpg", "b/1.jpg", "b/2.jpg"]
    );
    let expected = serde_json::json!({
        "unread": { "count": 6, "names": [["no suffix", 2], [".gif", 2], [".heic", 1], [".csv", 1]] },
        "beside": { "count": 1, "names": [["sheet.png", 1]] },
        "folders": {
            "count": 4,
            "names": [[".ipynb_checkpoints", 2], ["__MACOSX", 1], ["@eaDir", 1]],
        },
        "hidden": { "count": 2, "names": [[".DS_Store", 1], ["._1.jpg", 1]] },
    });
    assert_eq!(folder.left_out(), expected);
}

#[test]
fn many_names_are_counted_and_few_are_kept() {
    let folder = Folder::new("many", &["a/1.jpg"]);
    (0..300).for_each(|index| folder.add(&format!("a/._{index:03}.jpg")));
    let found = folder.left_out();
    assert_eq!(found["hidden"]["count"], 300);
    assert_eq!(found["hidden"]["names"].as_array().map(Vec::len), Some(8));
}

#[test]
fn a_pile_of_images_beside_folders_is_refused() {
    let folder = Folder::new(
        "beside",
        &["1.jpg", "2.jpg", "3.jpg", "thumbs/1.jpg", "thumbs/2.jpg"],
    );
    let message = folder.list().err().unwrap().message;
    for part in [
        "3 images, such as \"1.jpg\"",
        "such as \"thumbs\"",
        "folders that hold 2",
    ] {
        assert!(message.contains(part), "{message}");
    }
    // Few of them are a contact sheet or a logo beside classes.
    (3..9).for_each(|index| folder.add(&format!("thumbs/{index}.jpg")));
    assert_eq!(folder.left_out()["beside"]["count"], 3);
}

#[test]
fn pipes_sockets_devices_and_links_to_them_are_no_images() {
    let folder = Folder::new("special", &["a/1.jpg", "a/2.jpg", "file.bin"]);
    folder.run(&["mkfifo"], &["a/pipe.jpg", "a/pipe.txt"]);
    let socket = std::os::unix::net::UnixListener::bind(folder.0.join("a/socket.png"));
    symlink("/dev/zero", folder.0.join("a/zero.jpg")).unwrap();
    symlink("pipe.jpg", folder.0.join("a/link.jpeg")).unwrap();
    symlink("../file.bin", folder.0.join("a/3.jpg")).unwrap();
    symlink("nowhere", folder.0.join("a/4.jpg")).unwrap();
    let listing = folder.list().unwrap();
    drop(socket);
    // A link to a file is a file, and one to nowhere a bad file.
    assert_eq!(
        names(&listing),
        ["a/1.jpg", "a/2.jpg", "a/3.jpg", "a/4.jpg"]
    );
    let expected = serde_json::json!({
        "count": 4,
        "names": [["a/socket.png", 1], ["a/link.jpeg", 1], ["a/pipe.jpg", 1], ["a/zero.jpg", 1]],
    });
    let found = listing.left_out.describe();
    assert_eq!(found["special"], expected);
    assert_eq!(
        found["unread"]["names"],
        serde_json::json!([[".bin", 1], [".txt", 1]])
    );
}

#[test]
fn only_names_of_images_must_be_utf8() {
    let folder = Folder::new("latin", &["a/1.jpg"]);
    let odd = |bytes: &[u8]| folder.0.join("a").join(OsStr::from_bytes(bytes));
    fs::write(odd(b"lis\xe9.txt"), b"").unwrap();
    fs::write(odd(b"._\xe9.jpg"), b"").unwrap();
    fs::create_dir_all(odd(b"notes \xe9").join("deep")).unwrap();
    fs::write(odd(b"notes \xe9").join("deep/x.txt"), b"").unwrap();
    let found = folder.left_out();
    assert_eq!(found["unread"]["names"], serde_json::json!([[".txt", 1]]));
    assert_eq!(found["folders"]["count"], 1);
    fs::write(odd(b"notes \xe9").join("deep/x.jpg"), b"").unwrap();
    let message = folder.list().err().unwrap().message;
    assert!(message.contains("notes \\xE9"), "{message}");
    fs::remove_dir_all(odd(b"notes \xe9")).unwrap();
    fs::write(odd(b"\xe9.jpg"), b"").unwrap();
    let message = folder.list().err().unwrap().message;
    assert!(message.contains("\\xE9.jpg"), "{message}");
}

#[test]
fn a_name_with_a_line_end_is_told() {
    let folder = Folder::new(
        "lines",
        &["a/1.jpg", "a/two\nlines.jpg", "b/x\ny.txt", "b/1.jpg"],
    );
    assert_eq!(folder.left_out()["lineEnd"], "a/two\nlines.jpg");
}

#[test]
fn a_class_of_other_files_is_refused_with_their_suffixes() {
    let folder = Folder::new("others", &["a/1.jpg", "b/1.gif", "b/2.gif"]);
    let message = folder.list().err().unwrap().message;
    assert!(message.contains("/b: it holds no images but"), "{message}");
    assert!(message.contains("2 other files (.gif 2)"), "{message}");
}

fn list(json: &str) -> Result<Listing> {
    let text = format!(r#"{{ "place": "/data/all.csv", "root": "/data", {json} }}"#);
    Listing::of_list(serde_json::from_str(&text).unwrap())
}

#[test]
fn a_list_gives_its_images_in_its_order() {
    let listing = list(
        r#""classes": ["cat", "dog"], "folders": [
            { "class": 0, "path": "", "files": ["b.png", "a.png"] },
            { "class": 0, "path": "more", "files": ["c.png"] },
            { "class": 1, "path": "/elsewhere", "files": ["d.png"] }]"#,
    )
    .unwrap();
    assert_eq!(
        names(&listing),
        ["b.png", "a.png", "more/c.png", "/elsewhere/d.png"]
    );
    let classes: Vec<usize> = (0..4).map(|index| listing.class(index)).collect();
    assert_eq!(classes, [0, 0, 0, 1]);
    assert_eq!(listing.place, PathBuf::from("/data/all.csv"));
    assert_eq!(
        listing.root.join(listing.name(3)),
        PathBuf::from("/elsewhere/d.png")
    );
}

#[test]
fn a_list_with_a_class_that_has_no_name_is_refused() {
    let outcome =
        list(r#""classes": ["cat"], "folders": [{ "class": 1, "path": "", "files": ["a.png"] }]"#);
    let Err(error) = outcome else {
        panic!("a class without a name was listed");
    };
    assert!(
        error.message.contains("class 1, expected less than 1"),
        "{}",
        error.message
    );
}

#[test]
fn a_folder_and_a_list_of_it_have_one_digest() {
    let folder = Folder::new("list-digest", &["a/1.png", "b/2.png"]);
    let listed = list(
        r#""classes": ["a", "b"], "folders": [
            { "class": 0, "path": "a", "files": ["1.png"] },
            { "class": 1, "path": "b", "files": ["2.png"] }]"#,
    )
    .unwrap();
    assert_eq!(listed.digest, folder.list().unwrap().digest);
}
