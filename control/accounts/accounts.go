// SPDX-License-Identifier: Apache-2.0

// Package accounts makes accounts, each with a key of its root, for whoever
// operates the machine. What an account may do is not its business.
package accounts

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/store"
)

// Default is the account that is there from the first day.
const Default = "123456789012"

// Error is what is wrong with a request of the operator's, in one line.
type Error string

func (e Error) Error() string { return string(e) }

func isID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// isName compiles its form each time: every process of `up` would at its start, and
// accounts are seldom made.
func isName(s string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,49}$`).MatchString(s)
}

// Create makes an account with a key of its root. Without an id it gets one of its
// own. An id or a name that is taken is an error.
func Create(ctx context.Context, s *store.Store, id, name string) (iam.Account, error) {
	if !isName(name) {
		return iam.Account{}, Error(fmt.Sprintf("account name %q: want a letter, then up to 49 letters, digits, dots, dashes and underscores", name))
	}
	if id != "" && !isID(id) {
		return iam.Account{}, Error(fmt.Sprintf("account id %q: want twelve digits", id))
	}
	var made iam.Account
	return made, s.Decide(ctx, func(tx *store.Tx) error {
		for a := range tx.Accounts.All() {
			if a.ID == id || a.Name == name {
				return Error(fmt.Sprintf("account %s (%s) is there already", a.ID, a.Name))
			}
		}
		chosen := id
		for chosen == "" {
			n, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
			if err != nil {
				return err
			}
			chosen = n.Add(n, big.NewInt(100_000_000_000)).String()
			if _, taken := tx.Accounts.Get(chosen); taken {
				chosen = ""
			}
		}
		if _, err := Ensure(tx, chosen, name); err != nil {
			return err
		}
		made, _ = tx.Accounts.Get(chosen)
		return nil
	})
}

// Ensure makes the account unless it is there, and returns the key of its root.
func Ensure(tx *store.Tx, id, name string) (iam.AccessKey, error) {
	if key, ok := rootKey(&tx.View, id); ok {
		return key, nil
	}
	key, err := newRootKey(id, tx.Now())
	if err != nil {
		return key, err
	}
	tx.Accounts.Put(iam.Account{ID: id, Name: name, Created: tx.Now()})
	tx.AccessKeys.Put(key)
	return key, nil
}

// List is every account, by id.
func List(v *store.View) []iam.Account {
	list := slices.Collect(v.Accounts.All())
	slices.SortFunc(list, func(a, b iam.Account) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Find is the account with the id or name, and the key of its root.
func Find(v *store.View, who string) (iam.Account, iam.AccessKey, error) {
	for a := range v.Accounts.All() {
		if a.ID != who && a.Name != who {
			continue
		}
		if key, ok := rootKey(v, a.ID); ok {
			return a, key, nil
		}
	}
	return iam.Account{}, iam.AccessKey{}, Error(fmt.Sprintf("there is no account %q: see `enishi account list`", who))
}

// Believed is whose a request is when credentials are not verified: an access key
// id of twelve digits names the account, which is made if it is new; any other
// stands for the default account.
func Believed(ctx context.Context, s *store.Store, accessKeyID string) (iam.AccessKey, error) {
	id := Default
	if isID(accessKeyID) {
		id = accessKeyID
	}
	if key, ok := rootKey(s.View(), id); ok {
		return key, nil
	}
	var key iam.AccessKey
	return key, s.Decide(ctx, func(tx *store.Tx) (err error) {
		key, err = Ensure(tx, id, "")
		return err
	})
}

func rootKey(v *store.View, account string) (iam.AccessKey, bool) {
	for k := range v.AccessKeys.By("account", account) {
		if k.UserID == account {
			return k, true
		}
	}
	return iam.AccessKey{}, false
}

// newRootKey is a new key of an account's root.
func newRootKey(account string, now time.Time) (iam.AccessKey, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var b [16 + 30]byte
	if _, err := rand.Read(b[:]); err != nil {
		return iam.AccessKey{}, err
	}
	id := []byte("AKIA")
	for _, x := range b[:16] {
		id = append(id, letters[int(x)%len(letters)])
	}
	return iam.AccessKey{
		ID: string(id), Secret: base64.StdEncoding.EncodeToString(b[16:]), Account: account,
		ARN: iam.RootARN(account), UserID: account, Created: now,
	}, nil
}
