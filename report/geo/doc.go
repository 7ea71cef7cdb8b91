// Package geo says where addresses are and whose: country, city and network (autonomous system), from MaxMind database
// files. Private and reserved addresses are told apart from those that no database knows.
package geo
