"""Handing a file to the visitor: a script for the browser. An event gives it name, kind and content as JSON."""

SAVE = """(file) => {
  if (!file) return;
  const { name, kind, text, data } = JSON.parse(file);
  const content = data === undefined ? text : Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""
"""The content stands under `text`, or as bytes in base64 under `data`; without a file it does nothing."""
