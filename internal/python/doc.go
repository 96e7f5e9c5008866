// Package python holds the rules of Python packaging: versions and specifiers (PEP 440),
// names (PEP 503), requirements and markers (PEP 508, PEP 685), names of files and their tags
// (PEP 425, 427, 600, 656), and core metadata. It does no I/O. All text is hostile: lengths
// and depths are bounded, or the work grows with the length only.
//
// It decides as the packaging library does that pip brings along. The files below testdata
// hold that library's answers, and a test asks it anew where it is installed.
package python
