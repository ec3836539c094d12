/** A file that the command line names cannot be used; `message` says why, as bytes fit for a line. */
export class UnusableFile extends Error {
  override readonly name = "UnusableFile";
}
