/** `import … with { type: "file" }` gives the file's path; inside the finished executable, the name of the copy in there. */
declare module "*.so" {
  const path: string;

  export = path;
}
