import { Migration } from '@mikro-orm/migrations';

/** What users' scripts keep between runs. */
export class Migration004State extends Migration {
  override up(): void {
    this.addSql(`
create table state (
  account_id text not null,
  key text not null,
  value json not null,
  primary key (account_id, key)
);
`);
  }
}
