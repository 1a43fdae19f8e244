import { Migration } from '@mikro-orm/migrations';

/** Runs count what their routers did. */
export class Migration002Routers extends Migration {
  override up(): void {
    this.addSql('alter table jobs add column routers json null');
  }
}
