"""Handing a file to the visitor: a script for the browser, to which an event gives name, kind and text as JSON."""

SAVE = """(file) => {
  if (!file) return;
  const { name, kind, text } = JSON.parse(file);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""
