// SPDX-License-Identifier: Apache-2.0

// Package ec2 is the EC2 API: a table of actions, each a thin method that reads
// a request, lets package vpc decide, and writes the outcome to the store as one
// decision. It knows how AWS writes requests, answers and errors; what may be is
// vpc's, and what follows from it is lifecycle's.
package ec2

import (
	"time"

	"enishi.dev/enishi/aws/wire"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// Options is what a server is made of.
type Options struct {
	Store  *store.Store
	Limits vpc.Limits // zero: vpc.DefaultLimits
	// Hosts lists the live hosts that launch instances. Without it there is none.
	Hosts func() []string
	// DataOnly: user data is never run, as callers are not verified.
	DataOnly bool
	Now      func() time.Time // default time.Now
}

// Server answers the EC2 API.
type Server struct {
	store  *store.Store
	limits vpc.Limits
	hosts  func() []string
	now    func() time.Time

	dataOnly bool
}

// New returns a server; it starts nothing.
func New(o Options) *Server {
	if o.Limits == (vpc.Limits{}) {
		o.Limits = vpc.DefaultLimits()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{store: o.Store, limits: o.Limits, hosts: o.Hosts, now: o.Now, dataOnly: o.DataOnly}
}

// Service is the server's place in the whole API.
func (s *Server) Service() api.Service {
	return api.Service{Name: "ec2", Version: "2016-11-15", Protocol: wire.EC2, Actions: s.actions()}
}

// fresh is what decisions of package vpc take from the transaction.
func fresh(tx *store.Tx) vpc.Fresh {
	return vpc.Fresh{ID: tx.NewID, Number: tx.Number, Now: tx.Now()}
}
