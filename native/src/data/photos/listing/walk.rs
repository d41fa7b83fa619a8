//! The walk through the folders below a root.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::folder::{below, failed, read_folder, Folder, Stamp, DEEPEST};
use super::left_out::LeftOut;
use crate::data::progress::Progress;
use crate::error::{Error, Result};

/// Folders read at once: a network file system answers many questions in the time of one.
const THREADS: usize = 16;

/// The folders below a root.
pub(super) struct Walked {
    pub(super) classes: Vec<String>,
    pub(super) folders: Vec<Folder>,
    /// The entries of the root itself beside its class folders.
    pub(super) beside: LeftOut,
    /// True where something is not as it was kept.
    pub(super) changed: bool,
}

/// Goes through the folders, taking from `before` those that did not change.
pub(super) fn walk(
    root: &Path,
    before: Option<Vec<Folder>>,
    progress: &Progress,
) -> Result<Walked> {
    let mut top = read_folder(root, "", 0)?;
    let known: HashMap<String, Folder> = before
        .unwrap_or_default()
        .into_iter()
        .map(|folder| (folder.path.clone(), folder))
        .collect();
    let flat = top.folders.is_empty();
    let classes = if flat {
        vec![String::new()]
    } else {
        std::mem::take(&mut top.folders)
    };
    progress.start(classes.len());
    let changed = AtomicUsize::new(0);
    let folders = walk_classes(root, &classes, (&known, &changed), progress)?;
    let beside = match flat {
        true => LeftOut::default(),
        false => beside_classes(root, top, &classes, &folders)?,
    };
    let changed = changed.into_inner() > 0 || folders.len() != known.len();
    Ok(Walked {
        classes,
        folders,
        beside,
        changed,
    })
}

/// Returns what lies beside class folders. Few images are left out, as by torchvision; as many as a class holds are
/// refused: they are the data, and the folder beside them holds something else.
fn beside_classes(
    root: &Path,
    top: Folder,
    classes: &[String],
    folders: &[Folder],
) -> Result<LeftOut> {
    let Folder {
        files,
        mut left_out,
        ..
    } = top;
    let inside: usize = folders.iter().map(|folder| folder.files.len()).sum();
    if files.len() * classes.len() >= inside {
        if let (Some(image), Some(class)) = (files.first(), classes.first()) {
            return Err(Error::io(format!(
                "Cannot use {}: {} images, such as {image:?}, lie beside folders that hold {inside}, such as {class:?}, \
                 expected all images in class folders, or none: move the images into a folder, or the folders away",
                root.display(),
                files.len()
            )));
        }
    }
    files.iter().for_each(|name| left_out.beside.add(name));
    left_out.line_end = None;
    Ok(left_out)
}

type Known<'a> = (&'a HashMap<String, Folder>, &'a AtomicUsize);

/// Returns the folders of all classes, in their order.
fn walk_classes(
    root: &Path,
    names: &[String],
    known: Known<'_>,
    progress: &Progress,
) -> Result<Vec<Folder>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Folder>)>> {
        let mut found = Vec::new();
        loop {
            let class = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = names.get(class) else {
                return Ok(found);
            };
            let folders = walk_class(root, (class, name.as_str()), known)?;
            let images: usize = folders.iter().map(|folder| folder.files.len()).sum();
            if images == 0 {
                return Err(without_images(&below(root, name), &folders));
            }
            progress.advance(1, images)?;
            found.push((class, folders));
        }
    };
    let mut classes = Vec::new();
    let found: Vec<Result<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(names.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let joined = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| {
                Err(failed(
                    root,
                    "the thread that read its folders ended by itself",
                ))
            })
        });
        joined.collect()
    });
    for result in found {
        classes.extend(result?);
    }
    classes.sort_unstable_by_key(|(class, _)| *class);
    Ok(classes
        .into_iter()
        .flat_map(|(_, folders)| folders)
        .collect())
}

fn without_images(class: &Path, folders: &[Folder]) -> Error {
    let mut left_out = LeftOut::default();
    folders
        .iter()
        .for_each(|folder| left_out.merge(&folder.left_out));
    let others = match left_out.unread.count() {
        0 => String::new(),
        count => format!(" but {count} other files ({})", left_out.unread.words()),
    };
    Error::io(format!(
        "Cannot use {}: it holds no images{others}, expected some in each class folder: .jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff \
         or .webp",
        class.display()
    ))
}

/// A class's folders, by path. The root itself, as a class, has no subfolders.
fn walk_class(
    root: &Path,
    (class, name): (usize, &str),
    (known, changed): Known<'_>,
) -> Result<Vec<Folder>> {
    let mut found = Vec::new();
    let mut open = vec![name.to_owned()];
    while let Some(path) = open.pop() {
        if path.split('/').count() > DEEPEST {
            return Err(failed(
                &root.join(&path),
                format!("it lies more than {DEEPEST} folders deep (a loop of links?)"),
            ));
        }
        let kept = known
            .get(&path)
            .filter(|folder| folder.class == class && is_unchanged(&root.join(&path), folder));
        let folder = match kept {
            Some(folder) => folder.clone(),
            None => {
                changed.fetch_add(1, Ordering::Relaxed);
                read_folder(root, &path, class)?
            }
        };
        open.extend(folder.folders.iter().cloned());
        found.push(folder);
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_unchanged(path: &Path, folder: &Folder) -> bool {
    folder.stamp.is_some() && Stamp::of(path).is_ok_and(|stamp| stamp == folder.stamp)
}
