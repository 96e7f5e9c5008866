package mirror

import "github.com/asof/asof/internal/option"

// Follow says whether a filter of packages follows dependencies. dependencies is its option
// of that name, nil if it is not set: then it is as recommends, which implies it. chosen:
// the filter chooses packages at all. The error is an [option.Error].
func Follow(dependencies *bool, recommends, chosen bool) (bool, error) {
	follow := recommends
	if dependencies != nil {
		follow = *dependencies
	}
	switch {
	case recommends && !follow:
		return false, option.Errorf("packages.follow_dependencies", "is false; follow_recommends follows dependencies, too: leave out one of the two")
	case recommends && !chosen:
		return false, option.Errorf("packages.follow_recommends", "nothing is chosen that recommends anything")
	case follow && !chosen:
		return false, option.Errorf("packages.follow_dependencies", "nothing is chosen that has dependencies to follow")
	}
	return follow, nil
}
