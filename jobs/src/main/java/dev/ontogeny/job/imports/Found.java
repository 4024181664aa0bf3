package dev.ontogeny.job.imports;

import dev.ontogeny.export.Imported;
import dev.ontogeny.type.Target;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * What the driver learns of a peer's dictionary when it is looked at.
 *
 * @param entry where it lies, and what settings say of it
 * @param content digest of its files
 * @param type the rule that it comes in with
 * @param transcoder whether it writes to another site than it reads
 * @param widths of its sources, of a transcoder those of both
 * @param sites of its sources as its files say, null where they do not
 * @param checkpoints likewise
 * @param replica likewise
 */
record Found(
    ImportSettings.Entry entry,
    String content,
    String type,
    boolean transcoder,
    int width,
    List<Integer> widths,
    List<String> sites,
    List<Long> checkpoints,
    Integer replica)
    implements Serializable {

  /** Of a dictionary that was read. */
  static Found of(ImportSettings.Entry entry, String content, Imported imported) {
    boolean transcoder = imported.dictionary().target() == Target.TRANSCODER;
    List<Integer> widths = new ArrayList<>(imported.dictionary().widths());
    if (transcoder) {
      widths.add(imported.dictionary().written());
    }
    List<String> sites = new ArrayList<>();
    List<Long> checkpoints = new ArrayList<>();
    for (Imported.Place place : imported.places()) {
      sites.add(place.site());
      checkpoints.add(place.checkpoint());
    }
    Long replica = imported.replica();
    return new Found(
        entry,
        content,
        imported.dictionary().type().key(),
        transcoder,
        imported.dictionary().width(),
        widths,
        sites,
        checkpoints,
        replica == null || replica < 0 || replica > Integer.MAX_VALUE ? null : replica.intValue());
  }
}
