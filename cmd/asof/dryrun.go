package main

import (
	"fmt"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/transfer"
)

// planned is what a run would do to a repo, as a dry run prints it.
type planned struct {
	Repo    string `json:"repo"`
	Outcome string `json:"outcome"` // published, unchanged, staged, or fetched: a shard
	manifest.Changes
	TotalFiles int64             `json:"total_files"` // what the repo would hold
	TotalBytes int64             `json:"total_bytes"`
	Files      transfer.Stats    `json:"files"`
	Pages      transfer.Stats    `json:"pages"`
	HeldBack   manifest.HeldBack `json:"held_back"`
	Missing    []string          `json:"missing,omitempty"`
	OnlyModes  int               `json:"only_modes,omitempty"`
	Lost       []string          `json:"lost,omitempty"`
}

func plansOf(results []publisher.Result) (plans []planned) {
	for _, r := range results {
		p := planned{
			Repo: r.Repo, Outcome: string(r.Outcome), Changes: r.Checkpoint.Changes,
			TotalFiles: r.Checkpoint.Files, TotalBytes: r.Checkpoint.Bytes, Files: r.Files, Pages: r.Pages, HeldBack: r.HeldBack, Missing: r.Missing,
			OnlyModes: r.OnlyModes, Lost: r.Lost,
		}
		if r.Outcome == publisher.Unchanged {
			p.Changes = manifest.Changes{} // those of a checkpoint that is there
		}
		plans = append(plans, p)
	}
	return plans
}

func planOfSync(r publisher.SyncResult) planned {
	p := planned{Repo: r.Repo, Outcome: "fetched", Files: r.Files, HeldBack: r.HeldBack, Missing: r.Missing, Lost: r.Lost}
	if r.Staged != nil {
		p.Outcome, p.Changes, p.TotalFiles, p.TotalBytes = "staged", r.Changes, r.Staged.Files, r.Staged.Bytes
	}
	return p
}

// finishDry prints what a run would do.
func (s *session) finishDry(plans []planned, failure error) error {
	actionsErr := s.actionsPlanned(plans, failure)
	if s.failed(len(plans), failure) {
		return actionsErr
	}
	var summary []string
	for _, p := range plans {
		s.notePartial(p.Repo, p.HeldBack, p.Missing)
		s.noteLost(p.Repo, p.Lost)
		if p.Outcome == string(publisher.Unchanged) {
			summary = append(summary, p.Repo+" is unchanged: its horizon would move")
			continue
		}
		line := fmt.Sprintf("  %s to upload (%s), %s to copy, %s there already", number(int64(p.Files.Uploaded)), size(p.Files.UploadedBytes), number(int64(p.Files.Copied)), number(int64(p.Files.Reused)))
		if written := int64(p.Pages.Uploaded + p.Pages.Copied); written > 0 {
			line += ", " + count(written, "page", "pages") + " to write"
		}
		summary = append(summary, fmt.Sprintf("%s would be %s: %s", p.Repo, p.Outcome, changes(p.Changes)+ofModes(p.OnlyModes)), line)
	}
	return finish(s, plans, func(t *table) {
		t.row("REPO", "WOULD BE", "ADDED", "REMOVED", "CHANGED", "UPLOAD", "SIZE", "COPY", "REUSE", "PAGES")
		for _, p := range plans {
			t.row(p.Repo, p.Outcome, p.Added, p.Removed, p.Changed,
				p.Files.Uploaded, size(p.Files.UploadedBytes), p.Files.Copied, p.Files.Reused, p.Pages.Uploaded+p.Pages.Copied)
		}
	}, summary)
}
