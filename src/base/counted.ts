/** Returns a number with its noun, such as `1 image` or `24 images`. */
export function counted(count: number, one: string, several: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
