/** Form of the lines of lock files of wheels. */

/** A line of a lock file: one pinned requirement, a marker where it is not for all versions of Python, SHA-256 values. */
export const LOCK_LINE =
  /^[a-z0-9-]+==[0-9][0-9a-z.]*( ; python_version == "3\.\d+"( or python_version == "3\.\d+")*)?( --hash=sha256:[0-9a-f]{64})+$/;
