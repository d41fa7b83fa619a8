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

    /// Makes every folder old enough for its time to be believed.
    fn age(&self) {
        let status = std::process::Command::new("find")
            .args([self.0.as_os_str(), "-type".as_ref(), "d".as_ref()])
            .args(["-exec", "touch", "-d", "1 hour ago", "{}", "+"])
            .status();
        assert!(status.unwrap().success());
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
            "n10/notes.txt",
            "README.md",
        ],
    );
    let listing = folder.list().unwrap();
    assert_eq!(listing.classes, ["n10", "n2"]);
    let expected = [
        "n10/y.jpeg",
        "n10/deep/x.PNG",
        "n10/deep/er/z.jpg",
        "n2/a.png",
        "n2/b.JPEG",
    ];
    assert_eq!(names(&listing), expected);
    let classes: Vec<usize> = (0..5).map(|i| listing.class(i)).collect();
    assert_eq!(classes, [0, 0, 0, 1, 1]);
}

#[test]
fn a_flat_folder_is_one_class() {
    let folder = Folder::new("flat", &["b.jpg", "a.jpg"]);
    let listing = folder.list().unwrap();
    assert_eq!(listing.classes, [""]);
    assert_eq!(names(&listing), ["a.jpg", "b.jpg"]);
}

#[test]
fn what_cannot_be_listed_is_named() {
    let folder = Folder::new("empty", &["full/a.jpg", "empty/notes.txt"]);
    let message = folder.list().err().unwrap().message;
    assert!(message.contains("/empty: it holds no .jpg"), "{message}");
    let missing = Listing::read(&folder.0.join("none"), None, &Progress::default());
    let message = missing.err().unwrap().message;
    assert!(message.contains("/none: No such file"), "{message}");
    std::os::unix::fs::symlink(&folder.0, folder.0.join("full/loop")).unwrap();
    fs::remove_dir_all(folder.0.join("empty")).unwrap();
    let message = folder.list().err().unwrap().message;
    assert!(message.contains("loop"), "{message}");
}

#[test]
fn what_was_kept_is_used_until_a_folder_changes() {
    let folder = Folder::new("kept", &["set/a/1.jpg", "set/b/1.jpg"]);
    let set = Folder(folder.0.join("set"));
    let cache = folder.0.join("cache");
    folder.age();
    let first = set.list_with(&cache);
    assert_eq!(names(&first), ["a/1.jpg", "b/1.jpg"]);

    // A kept name that is on no disk shows that the disk was not asked.
    let file = cache_file(&cache, &set.0);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"1.jpg\"", "\"kept.jpg\"")).unwrap();
    assert_eq!(names(&set.list_with(&cache)), ["a/kept.jpg", "b/kept.jpg"]);

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
