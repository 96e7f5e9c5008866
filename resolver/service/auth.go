package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/asof/asof/resolver"
)

// Credential opens a repo: a user with a password, or a bearer token. Only
// hashes are configured.
type Credential struct {
	User   string // with Bcrypt
	Bcrypt string // of the password
	Token  string // SHA-256 of a bearer token, in hexadecimal
}

const (
	// passwordsAtOnce bounds the passwords that are being checked: each costs
	// some tens of milliseconds of a core, on purpose.
	passwordsAtOnce = 2
	// passwordsKept bounds those that were checked and are not checked again.
	passwordsKept = 1024
	// tokenName is how many digits of its hash a token is called by in logs: enough to
	// find it in the configuration.
	tokenName = 8
	// maxBcrypt is the longest password that bcrypt looks at in full.
	maxBcrypt = 72
)

// Auth decides who may read what. It is safe for concurrent use.
type Auth struct {
	all   []secret
	repos map[string][]secret // by base path
	slots chan struct{}
	dummy []byte // a hash that no password has: unknown users cost as much as known ones

	mu    sync.Mutex
	salt  [32]byte
	right map[[32]byte]bool // what was found right, hashed with the salt
	wrong map[[32]byte]bool // and wrong: apart, so that a flood of it pushes nothing right out
}

type secret struct {
	user   string // or what a token is called in logs
	bcrypt []byte // nil: a token
	token  [sha256.Size]byte
}

// NewAuth takes the credentials of each repo, by its base path, and those of
// everything else: the repos that have none of their own, and the list of repos.
// What has no credentials is open.
func NewAuth(all []Credential, repos map[string][]Credential) (*Auth, error) {
	a := &Auth{repos: map[string][]secret{}, slots: make(chan struct{}, passwordsAtOnce), right: map[[32]byte]bool{}, wrong: map[[32]byte]bool{}}
	_, _ = rand.Read(a.salt[:]) // never fails
	var err error
	if a.all, err = secrets(all); err != nil {
		return nil, err
	}
	for base, credentials := range repos {
		if a.repos[base], err = secrets(credentials); err != nil {
			return nil, fmt.Errorf("%s: %w", base, err)
		}
	}
	a.dummy, err = bcrypt.GenerateFromPassword([]byte(rand.Text()), bcrypt.DefaultCost)
	return a, err
}

func secrets(credentials []Credential) ([]secret, error) {
	var list []secret
	for _, c := range credentials {
		s, err := c.secret()
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Check finds what is wrong with a credential. The error does not repeat it.
func (c Credential) Check() error {
	_, err := c.secret()
	return err
}

func (c Credential) secret() (secret, error) {
	switch {
	case c.Token != "" && c.User == "" && c.Bcrypt == "":
		token, err := hex.DecodeString(c.Token)
		if err != nil || len(token) != sha256.Size {
			return secret{}, errors.New("the hash of a token is not 64 hexadecimal digits")
		}
		return secret{user: "token " + c.Token[:tokenName], token: [sha256.Size]byte(token)}, nil
	case c.Token == "" && c.User != "" && !strings.Contains(c.User, ":") && c.Bcrypt != "":
		if _, err := bcrypt.Cost([]byte(c.Bcrypt)); err != nil {
			return secret{}, fmt.Errorf("user %s: the password's hash is not one of bcrypt's", c.User)
		}
		return secret{user: c.User, bcrypt: []byte(c.Bcrypt)}, nil
	}
	return secret{}, errors.New("a credential is either a user with a password's hash, or the hash of a token")
}

// Access implements resolver.Options.Access.
func (a *Auth) Access(req *http.Request, base string) resolver.Access {
	if base != resolver.AllRepos {
		list, ok := a.repos[base]
		if !ok {
			list = a.all
		}
		return a.access(req, list)
	}
	// Of any repo: what opens all that are not open.
	access := a.access(req, a.all)
	for _, list := range a.repos {
		access = max(access, a.access(req, list))
	}
	return access
}

func (a *Auth) access(req *http.Request, list []secret) resolver.Access {
	if len(list) == 0 {
		return resolver.Open
	}
	user, ok := a.opens(req, list)
	if !ok {
		return resolver.Refused
	}
	if who, ok := req.Context().Value(userKey{}).(*string); ok {
		*who = user
	}
	return resolver.Granted
}

// userKey is the key of a request's context under which a *string stands. It becomes who
// has authenticated.
type userKey struct{}

// opens reports whether a request's credentials are among the secrets, and whose they are.
// How long that takes says nothing about them: all are compared, none in part.
func (a *Auth) opens(req *http.Request, list []secret) (who string, ok bool) {
	scheme, value, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		sum := sha256.Sum256([]byte(strings.TrimSpace(value)))
		for _, s := range list {
			if s.bcrypt == nil && subtle.ConstantTimeCompare(s.token[:], sum[:]) == 1 {
				who, ok = s.user, true
			}
		}
		return who, ok
	}
	user, password, ok := req.BasicAuth()
	if !ok || len(password) > maxBcrypt {
		return "", false
	}
	hash, known := a.dummy, 0
	for _, s := range list {
		if s.bcrypt != nil && subtle.ConstantTimeCompare([]byte(s.user), []byte(user)) == 1 {
			hash, known = s.bcrypt, 1
		}
	}
	return user, a.passwordIs(req.Context(), hash, password) && known == 1
}

// passwordIs checks a password, and remembers what it found. A request may ask for many
// repos, and so does a job with an old password.
func (a *Auth) passwordIs(ctx context.Context, hash []byte, password string) bool {
	h := sha256.New()
	h.Write(a.salt[:])
	h.Write(hash)
	h.Write([]byte(password))
	key := [32]byte(h.Sum(nil))
	a.mu.Lock()
	right, wrong := a.right[key], a.wrong[key]
	a.mu.Unlock()
	if right || wrong {
		return right
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return false
	}
	right = bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	kept := a.wrong
	if right {
		kept = a.right
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(kept) >= passwordsKept {
		clear(kept)
	}
	kept[key] = true
	return right
}
