import assert from "node:assert/strict";
import { join } from "node:path";
import { readCommit } from "../../../src/base/git_commit.ts";
import { inFolder } from "../../support/in_folder.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

Deno.test("the commit is read from a branch, packed branches, a detached HEAD and a worktree", async () => {
  await inFolder((root) => {
    const git = join(root, ".git");
    Deno.mkdirSync(join(git, "refs", "heads"), { recursive: true });
    const head = join(git, "HEAD");
    Deno.writeTextFileSync(head, "ref: refs/heads/main\n");
    assert.equal(readCommit(root), null, "no commit yet");
    Deno.writeTextFileSync(
      join(git, "packed-refs"),
      `# pack-refs with: peeled\n${
        "f".repeat(40)
      } refs/heads/other/main\n${COMMIT} refs/heads/main\n`,
    );
    assert.equal(readCommit(root), COMMIT);
    const newer = "a".repeat(40);
    Deno.writeTextFileSync(join(git, "refs", "heads", "main"), `${newer}\n`);
    assert.equal(readCommit(root), newer);

    const worktree = join(root, "worktree");
    const own = join(git, "worktrees", "w");
    Deno.mkdirSync(own, { recursive: true });
    Deno.mkdirSync(worktree);
    Deno.writeTextFileSync(join(worktree, ".git"), `gitdir: ${own}\n`);
    Deno.writeTextFileSync(join(own, "HEAD"), "ref: refs/heads/main\n");
    Deno.writeTextFileSync(join(own, "commondir"), "../..\n");
    assert.equal(readCommit(worktree), newer);

    Deno.writeTextFileSync(head, `${COMMIT}\n`);
    assert.equal(readCommit(root), COMMIT);
    Deno.writeTextFileSync(head, "nonsense\n");
    assert.equal(readCommit(root), null);
    assert.equal(readCommit(join(root, "nowhere")), null);
  });
});
