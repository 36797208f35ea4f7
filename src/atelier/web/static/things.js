// Things to place: shapes in the painting's own texture, about a foot high, or a model of the user's.

const HEIGHT = 0.3; // m

/** A shape by name. swatch: a bitmap of the painting's texture. */
export function makeThing(THREE, name, swatch) {
  const texture = swatch && new THREE.Texture(swatch);
  if (texture) {
    Object.assign(texture, { colorSpace: THREE.SRGBColorSpace, wrapS: THREE.MirroredRepeatWrapping, wrapT: THREE.MirroredRepeatWrapping, needsUpdate: true, flipY: false, anisotropy: 4 });
    texture.repeat.set(...({ knot: [4, 1], frame: [1, 1] }[name] ?? [2, 1]));
  }
  const paint = new THREE.MeshStandardMaterial({ map: texture ?? null, roughness: 0.55, metalness: 0.05 });
  const group = new THREE.Group();
  group.add(...shapes(THREE, paint)[name]());
  return stood(THREE, group);
}

const shapes = (THREE, paint) => ({
  knot: () => [new THREE.Mesh(new THREE.TorusKnotGeometry(0.1, 0.034, 220, 32), paint)],
  ball: () => [new THREE.Mesh(new THREE.SphereGeometry(0.13, 64, 48), paint)],
  vase: () => {
    const line = Array.from({ length: 33 }, (_, i) => {
      const t = i / 32;
      return new THREE.Vector2(0.045 + 0.075 * Math.sin(Math.PI * Math.min(1, t * 1.25)) ** 1.4 + 0.02 * Math.max(0, t - 0.82) * 8, t * 0.3);
    });
    paint.side = THREE.DoubleSide;
    return [new THREE.Mesh(new THREE.LatheGeometry(line, 64), paint)];
  },
  frame: () => {
    const wood = new THREE.MeshStandardMaterial({ color: 0x8a6a3c, roughness: 0.4, metalness: 0.5 });
    const bar = (w, h, x, y) => {
      const mesh = new THREE.Mesh(new THREE.BoxGeometry(w, h, 0.03), wood);
      mesh.position.set(x, y, 0);
      return mesh;
    };
    const canvas = new THREE.Mesh(new THREE.BoxGeometry(0.26, 0.26, 0.012), paint);
    return [canvas, bar(0.31, 0.025, 0, 0.1425), bar(0.31, 0.025, 0, -0.1425), bar(0.025, 0.31, -0.1425, 0), bar(0.025, 0.31, 0.1425, 0)];
  },
});

/** A model from a file (.glb, or .gltf with all in it). */
export async function loadThing(THREE, file) {
  const { GLTFLoader } = await import("./three/GLTFLoader.js");
  let found;
  try {
    found = await new GLTFLoader().parseAsync(await file.arrayBuffer(), "");
  } catch {
    throw new Error(`${file.name} is no model that can be shown: give a .glb`);
  }
  return stood(THREE, found.scene);
}

/** On the ground, in the middle, HEIGHT high. */
function stood(THREE, thing) {
  const box = new THREE.Box3().setFromObject(thing);
  const size = box.getSize(new THREE.Vector3()), middle = box.getCenter(new THREE.Vector3());
  const group = new THREE.Group();
  thing.position.sub(new THREE.Vector3(middle.x, box.min.y, middle.z));
  group.add(thing);
  group.scale.setScalar(HEIGHT / Math.max(size.x, size.y, size.z, 1e-6));
  return group;
}
