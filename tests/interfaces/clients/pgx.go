// pgx: reads in its own way (described statements, binary results), in a batch and by COPY. Prints a line for each check.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const query = "SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = $1 AND comment = $2"

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, os.Args[1])
	check(err)
	defer connection.Close(ctx)

	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		var comment string
		var expiry int64
		check(connection.QueryRow(ctx, query, mode, int64(-1), "terraform ci").Scan(&comment, &expiry))
		fmt.Println("row", comment, expiry)
	}

	batch := &pgx.Batch{}
	for number := 1; number <= 3; number++ {
		batch.Queue("SELECT $1::bigint + 1", number)
	}
	results := connection.SendBatch(ctx, batch)
	sum := 0
	for number := 1; number <= 3; number++ {
		var next int
		check(results.QueryRow().Scan(&next))
		sum += next
	}
	check(results.Close())
	fmt.Println("sum", sum)

	var copied bytes.Buffer
	_, err = connection.PgConn().CopyTo(ctx, &copied, "COPY (SELECT comment FROM user_tokens WHERE expiry_time = -1) TO STDOUT")
	check(err)
	fmt.Print("copied ", copied.String())

	var failure *pgconn.PgError
	_, err = connection.Exec(ctx, "SELECT nope FROM user_tokens")
	if errors.As(err, &failure) {
		fmt.Println("state", failure.Code)
	}
}
