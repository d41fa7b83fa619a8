/**
 * The order in which a step computes the tensors of its trace: the views and the state before; the forward pass of the
 * target, then that of the online network, each seen by its batch statistics; the loss; the gradients, from the last
 * layer to the first; momentum, weights, target.
 *
 * @module
 */

/** Name of a tensor in a trace, taken apart. */
interface Parts {
  /** "online", "target", "momentum", "grad", or the whole name of views and others. */
  kind: string;
  when: "before" | "after" | "";
  /** Part of the network: "encoder", "projector", "predictor", "rotation". */
  part: string;
  /** The rest, such as "layer1.0.bn1.running_var". */
  layer: string;
}

/** The stages of a step, in order. */
const STAGES = ["views", "before", "forward", "logits", "loss", "gradients", "after"] as const;

/** Parts of the networks in the order of a forward pass. */
const PARTS = ["encoder", "projector", "predictor", "rotation"];
const STATISTIC = /\.running_(mean|var)$/;
const NUMBERED = new Intl.Collator("en", { numeric: true });

/** Compares two names of tensors by their places in a step, for Array.sort(). */
export function inOrder(one: string, other: string): number {
  const [first, second] = [partsOf(one), partsOf(other)];
  const [stage, later] = [stageOf(first), stageOf(second)];
  if (stage !== later) return STAGES.indexOf(stage) - STAGES.indexOf(later);
  const within = networkOf(first) - networkOf(second) || compareLayers(first, second);
  return stage === "gradients" ? -within : within;
}

/** Returns a description of a tensor, such as "the batch variance in front of encoder.bn1, online network". */
export function meaningOf(name: string): string {
  const { kind, when, part, layer } = partsOf(name);
  const place = `${part}.${layer}`;
  const statistic = STATISTIC.exec(layer)?.[1];
  if (statistic !== undefined && when === "after") {
    const what = statistic === "var" ? "variance" : "mean";
    return `the batch ${what} in front of ${place.replace(STATISTIC, "")}, ${kind} network`;
  }
  if (kind === "grad") return `the gradient of ${place}`;
  if (kind === "momentum") return `the momentum of ${place} ${when} the step`;
  if (when !== "") return `${place} of the ${kind} network ${when} the step`;
  return /^view\d$/.test(kind) ? `view ${kind.slice(4)}` : `the ${kind.replaceAll("_", " ")}`;
}

function partsOf(name: string): Parts {
  const found = /^(?:(online|target|momentum)\.(before|after)|(grad))\.([^.]+)\.(.*)$/.exec(name);
  if (!found) return { kind: name, when: "", part: "", layer: "" };
  const [, kind, when = "", grad, part = "", layer = ""] = found;
  return { kind: kind ?? grad!, when: when as Parts["when"], part, layer };
}

function stageOf({ kind, when, layer }: Parts): typeof STAGES[number] {
  if (kind === "grad") return "gradients";
  if (kind === "loss") return "loss";
  if (kind === "rotation_logits") return "logits";
  if (when === "before") return "before";
  if (when === "after") return STATISTIC.test(layer) ? "forward" : "after";
  return "views";
}

/** Returns the place of a network, or of the optimizer's state, within a stage. */
function networkOf({ kind, layer, when }: Parts): number {
  // The target's pass comes first, and its move last.
  const isForward = when === "after" && STATISTIC.test(layer);
  const order = isForward
    ? ["target", "online"]
    : when === "after"
    ? ["momentum", "online", "target"]
    : ["online", "target", "momentum"];
  return order.indexOf(kind);
}

function compareLayers(one: Parts, other: Parts): number {
  return PARTS.indexOf(one.part) - PARTS.indexOf(other.part) ||
    NUMBERED.compare(keyOf(one), keyOf(other));
}

/** Returns a text that sorts the layers of a network in the order of a forward pass. */
function keyOf({ kind, layer, when }: Parts): string {
  const key = layer.replaceAll(/conv(\d)/g, "$1a").replaceAll(/bn(\d)/g, "$1b");
  return when === "" ? `${kind}.${key}` : key;
}
