// SPDX-License-Identifier: Apache-2.0

package store

import (
	"net/netip"
	"time"

	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/vpc"
	"github.com/cilium/statedb"
)

// Secret is something that only control knows, such as the key of the region's CA.
type Secret struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// Host is a machine that may have instances, besides what it says while it is heard.
type Host struct {
	Name   string     `json:"name"`
	Tunnel netip.Addr `json:"tunnel,omitzero"` // its address in the network between hosts; zero: it has none
	// Key is the SHA-256 of the public key by which it is known, nil before it has joined.
	Key []byte `json:"key,omitempty"`
	// Next is of the key that takes its place once the host has used it.
	Next []byte `json:"next,omitempty"`
	// Token is the SHA-256 of what lets one machine join in its name, nil once used.
	Token   []byte    `json:"token,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // when the token is worth nothing any more
}

// number is a counter: the last number that was given out.
type number struct {
	Name string `json:"name"`
	Last uint32 `json:"last"`
}

// tables is every table there is; see newTables for their indexes.
type tables struct {
	db  *statedb.DB
	all []statedb.TableMeta
	// loaders take rows in from etcd, by kind.
	loaders map[Kind]loader

	vpcs           *table[vpc.VPC]
	subnets        *table[vpc.Subnet]
	routeTables    *table[vpc.RouteTable]
	securityGroups *table[vpc.SecurityGroup]
	enis           *table[vpc.ENI]
	endpoints      *table[vpc.Endpoint]
	instances      *table[vpc.Instance]
	gateways       *table[vpc.InternetGateway]
	accounts       *table[iam.Account]
	accessKeys     *table[iam.AccessKey]
	secrets        *table[Secret]
	hosts          *table[Host]
	numbers        *table[number]
	tokens         *table[token]
}

// add makes the table of a schema and registers it.
func add[T any](ts *tables, k keys, s schema[T]) *table[T] {
	t := newTable(ts.db, k, s)
	ts.all = append(ts.all, t.rows)
	if s.counted != "" {
		ts.all = append(ts.all, t.have.rows)
	}
	ts.loaders[s.kind] = loader{load: t.load, loadStatus: t.loadStatus}
	return t
}

// one is an index key that a row has unless it is empty.
func one[S ~string](s S) []string {
	if s == "" {
		return nil
	}
	return []string{string(s)}
}

// many are the index keys of a row in several places.
func many[S ~string](ss []S) []string {
	keys := make([]string, 0, len(ss))
	for _, s := range ss {
		keys = append(keys, string(s))
	}
	return keys
}

func owner(m vpc.Meta) []string { return []string{m.Account + "/" + m.Region} }

// newTables makes the tables, empty. What can be looked up is written here.
func newTables(k keys) *tables {
	ts := &tables{db: statedb.New(), loaders: map[Kind]loader{}}
	ts.vpcs = add(ts, k, schema[vpc.VPC]{
		kind: KindVPC,
		id:   func(v *vpc.VPC) string { return string(v.ID) },
		indexes: map[string]func(*vpc.VPC) []string{
			"account": func(v *vpc.VPC) []string { return owner(v.Meta) },
		},
	})
	ts.subnets = add(ts, k, schema[vpc.Subnet]{
		kind: KindSubnet,
		id:   func(v *vpc.Subnet) string { return string(v.ID) },
		indexes: map[string]func(*vpc.Subnet) []string{
			"account": func(v *vpc.Subnet) []string { return owner(v.Meta) },
			"vpc":     func(v *vpc.Subnet) []string { return one(v.VPC) },
		},
	})
	ts.routeTables = add(ts, k, schema[vpc.RouteTable]{
		kind: KindRouteTable,
		id:   func(v *vpc.RouteTable) string { return string(v.ID) },
		indexes: map[string]func(*vpc.RouteTable) []string{
			"account": func(v *vpc.RouteTable) []string { return owner(v.Meta) },
			"vpc":     func(v *vpc.RouteTable) []string { return one(v.VPC) },
			"subnet":  tableSubnets,
		},
	})
	ts.securityGroups = add(ts, k, schema[vpc.SecurityGroup]{
		kind: KindSecurityGroup,
		id:   func(v *vpc.SecurityGroup) string { return string(v.ID) },
		indexes: map[string]func(*vpc.SecurityGroup) []string{
			"account": func(v *vpc.SecurityGroup) []string { return owner(v.Meta) },
			"vpc":     func(v *vpc.SecurityGroup) []string { return one(v.VPC) },
			"name":    func(v *vpc.SecurityGroup) []string { return []string{GroupName(v.VPC, v.Name)} },
			"group":   namedGroups,
		},
		counted: "account",
	})
	ts.enis = add(ts, k, schema[vpc.ENI]{
		kind: KindENI,
		id:   func(v *vpc.ENI) string { return string(v.ID) },
		indexes: map[string]func(*vpc.ENI) []string{
			"account":  func(v *vpc.ENI) []string { return owner(v.Meta) },
			"vpc":      func(v *vpc.ENI) []string { return one(v.VPC) },
			"subnet":   func(v *vpc.ENI) []string { return one(v.Subnet) },
			"group":    func(v *vpc.ENI) []string { return many(v.Groups) },
			"endpoint": func(v *vpc.ENI) []string { return one(v.Endpoint) },
			"instance": attachedTo,
			"public":   publicAddress,
		},
	})
	ts.endpoints = add(ts, k, schema[vpc.Endpoint]{
		kind: KindEndpoint,
		id:   func(v *vpc.Endpoint) string { return string(v.ID) },
		indexes: map[string]func(*vpc.Endpoint) []string{
			"account": func(v *vpc.Endpoint) []string { return owner(v.Meta) },
			"vpc":     func(v *vpc.Endpoint) []string { return one(v.VPC) },
			"subnet":  func(v *vpc.Endpoint) []string { return many(v.Subnets) },
			"group":   func(v *vpc.Endpoint) []string { return many(v.Groups) },
		},
		status: func(v *vpc.Endpoint) any { return &v.Status },
	})
	ts.instances = add(ts, k, schema[vpc.Instance]{
		kind: KindInstance,
		id:   func(v *vpc.Instance) string { return string(v.ID) },
		indexes: map[string]func(*vpc.Instance) []string{
			"account": func(v *vpc.Instance) []string { return owner(v.Meta) },
			"vpc":     func(v *vpc.Instance) []string { return one(v.VPC) },
			"subnet":  func(v *vpc.Instance) []string { return one(v.Subnet) },
			"host":    func(v *vpc.Instance) []string { return one(v.Host) },
		},
		status: func(v *vpc.Instance) any { return &v.Status },
	})
	addGateways(ts, k)
	addOthers(ts, k)
	return ts
}

// addGateways adds the tables of a VPC's ways out.
func addGateways(ts *tables, k keys) {
	ts.gateways = add(ts, k, schema[vpc.InternetGateway]{
		kind: KindGateway,
		id:   func(v *vpc.InternetGateway) string { return string(v.ID) },
		indexes: map[string]func(*vpc.InternetGateway) []string{
			"account": func(v *vpc.InternetGateway) []string { return owner(v.Meta) },
			"vpc":     func(v *vpc.InternetGateway) []string { return one(v.VPC) },
		},
	})
}

// addOthers adds the tables that are not of networks.
func addOthers(ts *tables, k keys) {
	ts.accounts = add(ts, k, schema[iam.Account]{
		kind: KindAccount,
		id:   func(v *iam.Account) string { return v.ID },
	})
	ts.accessKeys = add(ts, k, schema[iam.AccessKey]{
		kind: KindAccessKey,
		id:   func(v *iam.AccessKey) string { return v.ID },
		indexes: map[string]func(*iam.AccessKey) []string{
			"account": func(v *iam.AccessKey) []string { return one(v.Account) },
		},
	})
	ts.secrets = add(ts, k, schema[Secret]{
		kind: KindSecret,
		id:   func(v *Secret) string { return v.Name },
	})
	ts.hosts = add(ts, k, schema[Host]{
		kind: KindHost,
		id:   func(v *Host) string { return v.Name },
	})
	ts.numbers = add(ts, k, schema[number]{
		kind: kindNumber,
		id:   func(v *number) string { return v.Name },
	})
	ts.tokens = add(ts, k, schema[token]{
		kind:    kindToken,
		id:      func(v *token) string { return v.Key },
		indexes: map[string]func(*token) []string{"until": func(v *token) []string { return []string{v.until()} }},
	})
}

func tableSubnets(v *vpc.RouteTable) []string {
	var keys []string
	for _, a := range v.Associations {
		keys = append(keys, one(a.Subnet)...)
	}
	return keys
}

// GroupName is the key of the index "name": a group's name is of its VPC.
func GroupName(v vpc.VPCID, name string) string { return string(v) + "/" + name }

func namedGroups(v *vpc.SecurityGroup) []string {
	var keys []string
	for _, r := range v.Rules {
		keys = append(keys, one(r.Group)...)
	}
	return keys
}

func publicAddress(v *vpc.ENI) []string {
	if !v.Public.IsValid() {
		return nil
	}
	return []string{v.Public.String()}
}

func attachedTo(v *vpc.ENI) []string {
	if v.Attachment == nil {
		return nil
	}
	return one(v.Attachment.Instance)
}
