// Package rpm parses what RPM repositories are written in: repomd.xml, primary.xml, lists of
// delta RPMs, the small documents of trees, mirrorlists and metalinks.
// It does no I/O of its own. All documents are hostile: sizes, depths and counts are
// bounded.
//
// Sources: the documents that createrepo_c 0.17 to 1.2 writes, what librepo, libsolv (dnf
// 4 and 5) and libzypp accept, and https://github.com/rpm-software-management/createrepo_c.
package rpm
