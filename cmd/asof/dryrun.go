package main

import (
	"fmt"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

// planned is what a run would make of a repo, as a dry run prints it.
type planned struct {
	Repo    string `json:"repo"`
	Outcome string `json:"outcome"` // published, unchanged, staged, or fetched: a shard
	manifest.Changes
	TotalFiles int64              `json:"total_files"` // what the repo would hold
	TotalBytes int64              `json:"total_bytes"`
	Files      publisher.Stats    `json:"files"`
	Pages      publisher.Stats    `json:"pages"`
	HeldBack   publisher.HeldBack `json:"held_back"`
}

func plansOf(results []publisher.Result) (plans []planned) {
	for _, r := range results {
		p := planned{
			Repo: r.Repo, Outcome: string(r.Outcome), Changes: r.Checkpoint.Changes,
			TotalFiles: r.Checkpoint.Files, TotalBytes: r.Checkpoint.Bytes, Files: r.Files, Pages: r.Pages, HeldBack: r.HeldBack,
		}
		if r.Outcome == publisher.Unchanged {
			p.Changes = manifest.Changes{} // those of a checkpoint that is there
		}
		plans = append(plans, p)
	}
	return plans
}

func planOfSync(r publisher.SyncResult) planned {
	p := planned{Repo: r.Repo, Outcome: "fetched", Files: r.Files, HeldBack: r.HeldBack}
	if r.Staged != nil {
		p.Outcome, p.Changes, p.TotalFiles, p.TotalBytes = "staged", r.Changes, r.Staged.Files, r.Staged.Bytes
	}
	return p
}

// finishDry prints what would be done.
func (s *session) finishDry(plans []planned, failure error) error {
	actionsErr := s.actionsPlanned(plans, failure)
	if len(plans) == 0 && failure != nil {
		return actionsErr
	}
	var summary []string
	for _, p := range plans {
		s.notePartial(p.Repo, p.HeldBack)
		if p.Outcome == string(publisher.Unchanged) {
			summary = append(summary, p.Repo+" is unchanged: its horizon would move")
			continue
		}
		line := fmt.Sprintf("  %s to upload (%s), %s to copy, %s there already", number(int64(p.Files.Uploaded)), size(p.Files.UploadedBytes), number(int64(p.Files.Copied)), number(int64(p.Files.Reused)))
		if written := int64(p.Pages.Uploaded + p.Pages.Copied); written > 0 {
			line += ", " + count(written, "page", "pages") + " to write"
		}
		summary = append(summary, fmt.Sprintf("%s would be %s: %s", p.Repo, p.Outcome, changes(p.Changes)), line)
	}
	return finish(s, plans, func(t *table) {
		t.row("REPO", "WOULD BE", "ADDED", "REMOVED", "CHANGED", "UPLOAD", "SIZE", "COPY", "REUSE", "PAGES")
		for _, p := range plans {
			t.row(p.Repo, p.Outcome, p.Added, p.Removed, p.Changed,
				p.Files.Uploaded, size(p.Files.UploadedBytes), p.Files.Copied, p.Files.Reused, p.Pages.Uploaded+p.Pages.Copied)
		}
	}, summary)
}
