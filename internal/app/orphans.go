package app

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lendgate/lendgate/internal/migrate"
)

// releaseOrphans gives back the jobs that a killed platform had in hand, and its place as River's leader, so that they go on at once instead
// of after River's own patience. It is right only on a private cluster, which one process at a time can start: nobody else is working.
func releaseOrphans(ctx context.Context, databaseURL string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, service := range migrate.JobServices() {
		schema := pgx.Identifier{service}.Sanitize()
		for _, statement := range []string{
			"UPDATE " + schema + ".river_job SET state = 'available' WHERE state = 'running'",
			"DELETE FROM " + schema + ".river_leader",
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("release the jobs of %s: %w", service, err)
			}
		}
	}
	return nil
}
